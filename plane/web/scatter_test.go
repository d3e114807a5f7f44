package web

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// leaves makes a scatter route over n leaves that f serves.
func leaves(t *testing.T, n int, scatter, more string, f func(i int, w http.ResponseWriter, r *http.Request)) *plane {
	var ls, pools []string
	for i := range n {
		name := fmt.Sprint("l", i)
		ls = append(ls, fmt.Sprintf(`{"name": %q, "pool": %q}`, name, name))
		pools = append(pools, poolOf(name, "", serve(t, func(w http.ResponseWriter, r *http.Request) { f(i, w, r) })))
	}
	return run(t, fmt.Sprintf(`[{"scatter": {"leaves": [%s], %s} %s}]`, strings.Join(ls, ","), scatter, more), "["+strings.Join(pools, ",")+"]")
}

func TestAllLeavesAreMerged(t *testing.T) {
	x := leaves(t, 5, `"merge": {"builtin": "sum", "path": "$.n"}`, "", func(i int, w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if string(b) != "question" || r.Header.Get("X-Forwarded-For") != "127.0.0.1" {
			w.WriteHeader(400)
		}
		fmt.Fprintf(w, `{"n": %d}`, i)
	})
	req, err := http.NewRequest("POST", "http://"+x.addr+"/q", strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	status, body, h := x.do(req)
	if status != 200 || body != `{"n":10}` || h.Get("X-Nagi-Coverage") != "5/5" {
		t.Errorf("got %d %s %v", status, body, h)
	}
}

func TestDeadLeavesCostCoverage(t *testing.T) {
	dead := func(i int, w http.ResponseWriter, r *http.Request) {
		if i < 3 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "[%d]", i)
	}
	x := leaves(t, 20, `"minCoverage": 0.8, "merge": {"builtin": "concat"}`, "", dead)
	status, body, h := x.get("/")
	var list []int
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != 200 || len(list) != 17 || h.Get("X-Nagi-Coverage") != "17/20" {
		t.Errorf("got %d %s %v", status, body, h)
	}
	x = leaves(t, 20, `"minCoverage": 0.9, "merge": {"builtin": "concat"}`, "", dead)
	if status, body, h := x.get("/"); status != 503 || h.Get("X-Nagi-Coverage") != "17/20" {
		t.Errorf("below the bound: %d %s", status, body)
	}
}

func TestLeavesThatAreLateAreLeftOut(t *testing.T) {
	x := leaves(t, 4, `"deadline": "100ms", "merge": {"builtin": "concat"}`, "", func(i int, w http.ResponseWriter, r *http.Request) {
		if i == 0 {
			select {
			case <-r.Context().Done():
			case <-time.After(3 * time.Second):
			}
		}
		fmt.Fprint(w, "[1]")
	})
	began := time.Now()
	status, body, h := x.get("/")
	if status != 200 || body != "[1,1,1]" || h.Get("X-Nagi-Coverage") != "3/4" || time.Since(began) > time.Second {
		t.Errorf("got %d %s %v after %s", status, body, h, time.Since(began))
	}
}

func TestARequestThatNoLeafUnderstands(t *testing.T) {
	x := leaves(t, 2, `"merge": {"builtin": "concat"}`, "", func(_ int, w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "what?", 400)
	})
	if status, body, h := x.get("/"); status != 400 || body != "what?\n" || h.Get("X-Nagi-Coverage") != "0/2" {
		t.Errorf("got %d %q", status, body)
	}
}

func TestAContainerMerges(t *testing.T) {
	merger := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Coverage string
			Answers  []struct {
				Leaf string
				JSON int
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			w.WriteHeader(400)
		}
		fmt.Fprint(w, in.Coverage, " ", in.Answers)
	})
	x := leaves(t, 2, fmt.Sprintf(`"merge": {"url": "http://%s/merge"}`, merger), "", func(i int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, i+7) })
	if status, body, _ := x.get("/"); status != 200 || body != "2/2 [{l0 7} {l1 8}]" {
		t.Errorf("got %d %q", status, body)
	}
}

// testdata/echo.wasm writes what it reads; plane/wasm's test makes it.
func TestAModuleMerges(t *testing.T) {
	x := leaves(t, 2, `"merge": {"wasm": "testdata/echo.wasm"}`, "", func(i int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, i+7) })
	want := `{"coverage":"2/2","share":1,"answers":[{"leaf":"l0","status":200,"json":7},{"leaf":"l1","status":200,"json":8}]}`
	if status, body, h := x.get("/"); status != 200 || body != want || h.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", status, body)
	}
}

// One in a hundred leaf requests hangs for a second: hedging within two
// percent keeps nearly all requests fast.
func TestSlowLeavesAreHedgedWithinTheBudget(t *testing.T) {
	var asked atomic.Int64
	x := leaves(t, 20, `"deadline": "5s", "merge": {"builtin": "concat"}`, `, "hedge": {}`, func(_ int, w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if rand.IntN(100) == 0 {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
			}
		}
		fmt.Fprint(w, "[1]")
	})
	const warm, n = 100, 300
	var took []time.Duration
	for i := range warm + n {
		began := time.Now()
		if status, _, h := x.get("/"); status != 200 || h.Get("X-Nagi-Coverage") != "20/20" {
			t.Fatalf("got %d %v", status, h)
		}
		if i >= warm {
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	p50, p95 := took[n/2], took[n*95/100]
	t.Logf("p50 %s, p95 %s, p99 %s, %d requests for %d", p50, p95, took[n*99/100], asked.Load(), (warm+n)*20)
	if p95 > 500*time.Millisecond {
		t.Errorf("p95 is %s with hedging; without it 18 %% would take a second", p95)
	}
	if extra := float64(asked.Load())/((warm+n)*20) - 1; extra > 0.021 {
		t.Errorf("%.1f %% more requests", extra*100)
	}
}

func TestAnswersAreCompared(t *testing.T) {
	second := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		b, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Nagi-Tee") != "copy" {
			t.Error("a copy does not say what it is")
		}
		fmt.Fprintf(w, `{"id": 2, "path": %q, "body": %q}`, r.URL.Path, strings.ReplaceAll(string(b), "odd", "ODD"))
	}
	first := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"id": 1, "path": %q, "body": %q}`, r.URL.Path, b)
	}
	x := run(t, `[{"arms": [{"pool": "a"}], "tee": {"pool": "b", "compare": true, "ignorePaths": ["$.id"], "samples": 2}}]`,
		"["+poolOf("a", "", serve(t, first))+","+poolOf("b", "", serve(t, second))+"]")
	for _, body := range []string{"same", "odd1", "same", "odd2", "odd3"} {
		req, err := http.NewRequest("POST", "http://"+x.addr+"/"+body, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if status, got, _ := x.do(req); status != 200 || !strings.Contains(got, `"id": 1`) {
			t.Fatalf("the client got %d %s", status, got)
		}
	}
	var r Report
	for range 200 {
		if r = x.service.site.Load().routes[0].tee.report(); r.Compared == 5 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if r.Sent != 5 || r.Compared != 5 || r.Differed != 3 || len(r.Samples) != 2 || r.Samples[0].Differences[0].Where != "$.body" {
		t.Errorf("got %+v", r)
	}
}
