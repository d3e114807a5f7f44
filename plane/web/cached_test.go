package web

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const cacheRoute = `[{"arms": [{"pool": "a"}], "cache": {"size": 1000000, "maxObject": 10000}}]`

func TestAnAnswerIsKept(t *testing.T) {
	var n atomic.Int32
	x := run(t, cacheRoute, "["+poolOf("a", "", serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=100")
		w.Header().Set("Etag", `"e"`)
		fmt.Fprint(w, n.Add(1), r.Method, strings.Repeat("x", 100))
	}))+"]")
	_, first, _ := x.get("/a")
	status, again, h := x.get("/a")
	if status != 200 || again != first || h.Get("Age") == "" || !strings.Contains(h.Get("Cache-Status"), "hit") {
		t.Fatalf("got %d %.20q %v", status, again, h)
	}
	if status, body, _ := x.get("/a", func(r *http.Request) { r.Header.Set("If-None-Match", `"e"`) }); status != 304 || body != "" {
		t.Errorf("a condition: %d %q", status, body)
	}
	if status, body, h := x.get("/a", func(r *http.Request) { r.Header.Set("Range", "bytes=0-3") }); status != 206 || body != first[:4] || h.Get("Content-Length") != "4" {
		t.Errorf("a range: %d %q", status, body)
	}
	if status, body, h := x.get("/a", func(r *http.Request) { r.Method = "HEAD" }); status != 200 || body != "" || h.Get("Content-Length") != fmt.Sprint(len(first)) {
		t.Errorf("a HEAD: %d %q %v", status, body, h)
	}
	if n.Load() != 1 {
		t.Errorf("the endpoint was asked %d times", n.Load())
	}
	x.get("/a", func(r *http.Request) { r.Method = "POST" })
	if _, body, _ := x.get("/a"); body == first {
		t.Error("a POST must end it")
	}
}

func TestEqualRequestsAreOne(t *testing.T) {
	var n atomic.Int32
	x := run(t, cacheRoute, "["+poolOf("a", "", serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		time.Sleep(30 * time.Millisecond)
		w.Header().Set("Cache-Control", "max-age=100")
		fmt.Fprint(w, "ok")
	}))+"]")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, body, _ := x.get("/a"); body != "ok" {
				t.Error(body)
			}
		})
	}
	wg.Wait()
	if n.Load() != 1 {
		t.Errorf("the endpoint was asked %d times", n.Load())
	}
}

func TestAStaleAnswerIsValidated(t *testing.T) {
	var asked, confirmed atomic.Int32
	x := run(t, cacheRoute, "["+poolOf("a", "", serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Cache-Control", "max-age=0")
		w.Header().Set("Etag", `"e"`)
		if r.Header.Get("If-None-Match") == `"e"` {
			confirmed.Add(1)
			w.WriteHeader(304)
			return
		}
		fmt.Fprint(w, "body")
	}))+"]")
	for range 3 {
		if status, body, _ := x.get("/"); status != 200 || body != "body" {
			t.Fatalf("got %d %q", status, body)
		}
	}
	if asked.Load() != 3 || confirmed.Load() != 2 {
		t.Errorf("asked %d times, confirmed %d", asked.Load(), confirmed.Load())
	}
}

func TestAStaleAnswerIsBetterThanNone(t *testing.T) {
	var broken atomic.Bool
	x := run(t, cacheRoute, "["+poolOf("a", "", serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(500)
			return
		}
		w.Header().Set("Cache-Control", "max-age=0, stale-if-error=60")
		fmt.Fprint(w, "old")
	}))+"]")
	x.get("/")
	broken.Store(true)
	if status, body, _ := x.get("/"); status != 200 || body != "old" {
		t.Errorf("got %d %q", status, body)
	}
}

func TestWhatIsTooLargeOrBrokenIsNotKept(t *testing.T) {
	var n atomic.Int32
	x := run(t, cacheRoute, "["+poolOf("a", "", serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		w.Header().Set("Cache-Control", "max-age=100")
		if r.URL.Path == "/broken" {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 20000))
	}))+"]")
	for range 2 {
		if _, body, _ := x.get("/large"); len(body) != 20000 {
			t.Errorf("%d bytes", len(body))
		}
		resp, err := http.Get("http://" + x.addr + "/broken")
		if err == nil {
			if _, err = io.ReadAll(resp.Body); err == nil {
				t.Error("half an answer reads as a whole one")
			}
			resp.Body.Close()
		}
	}
	if n.Load() != 4 {
		t.Errorf("the endpoint was asked %d times, want 4", n.Load())
	}
}
