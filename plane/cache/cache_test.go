package cache

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// fields reads "A: b; C: d".
func fields(s string) http.Header {
	h := http.Header{}
	for f := range strings.SplitSeq(s, "; ") {
		if k, v, ok := strings.Cut(f, ": "); ok {
			h.Add(k, v)
		}
	}
	return h
}

func date(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }

func TestWhatMayBeKept(t *testing.T) {
	for _, tt := range []struct {
		name, req, resp string
		status          int
		want            bool
	}{
		{"an answer with a lifetime", "", "Cache-Control: max-age=1", 200, true},
		{"an answer that says nothing", "", "", 200, true},
		{"no-store", "", "Cache-Control: max-age=1, no-store", 200, false},
		{"no-store among others, in any case", "", "Cache-Control: max-age=1; Cache-Control: No-Store", 200, false},
		{"a word in quotes is no directive", "", `Cache-Control: x="no-store", max-age=1`, 200, true},
		{"no-store in the request", "Cache-Control: no-store", "Cache-Control: max-age=1", 200, false},
		{"private", "", "Cache-Control: private, max-age=1", 200, false},
		{"a request with credentials", "Authorization: x", "Cache-Control: max-age=1", 200, false},
		{"unless it is public", "Authorization: x", "Cache-Control: public, max-age=1", 200, true},
		{"or has a shared lifetime", "Authorization: x", "Cache-Control: s-maxage=1", 200, true},
		{"what varies on everything", "", "Vary: *; Cache-Control: max-age=1", 200, false},
		{"a part", "", "Cache-Control: max-age=1", 206, false},
		{"a cookie for one client", "", "Set-Cookie: a=b; Cache-Control: max-age=1", 200, false},
		{"a status that must be told", "", "", 500, false},
		{"and is", "", "Cache-Control: max-age=1", 500, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Storable(fields(tt.req), fields(tt.resp), tt.status, Policy{}); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestWhatARequestGets(t *testing.T) {
	for _, tt := range []struct {
		name, req, resp string
		after           time.Duration
		policy          Policy
		want            Use
	}{
		{"fresh", "", "Cache-Control: max-age=10", 9 * time.Second, Policy{}, Fresh},
		{"stale", "", "Cache-Control: max-age=10", 10 * time.Second, Policy{}, Validate},
		{"the shared lifetime counts first", "", "Cache-Control: max-age=1, s-maxage=10", 9 * time.Second, Policy{}, Fresh},
		{"of two the first counts", "", "Cache-Control: max-age=10, max-age=1", 9 * time.Second, Policy{}, Fresh},
		{"a lifetime that is no number is none", "", "Cache-Control: max-age=x", 0, Policy{}, Validate},
		{"Expires", "", "Expires: " + date(10*time.Second), 9 * time.Second, Policy{}, Fresh},
		{"Expires that is no date is past", "", "Expires: 0", 0, Policy{}, Validate},
		{"an age that it came with", "", "Age: 5; Cache-Control: max-age=10", 6 * time.Second, Policy{}, Validate},
		{"a tenth of its age", "", "Last-Modified: " + date(-100*time.Second), 9 * time.Second, Policy{}, Fresh},
		{"no more than that", "", "Last-Modified: " + date(-100*time.Second), 10 * time.Second, Policy{}, Validate},
		{"or what the route says", "", "", 9 * time.Second, Policy{DefaultTTL: 10 * time.Second}, Fresh},
		{"no-cache is always asked for", "", "Cache-Control: no-cache, max-age=10", 0, Policy{}, Validate},
		{"by the request too", "Cache-Control: no-cache", "Cache-Control: max-age=10", 0, Policy{}, Validate},
		{"and as it was said long ago", "Pragma: no-cache", "Cache-Control: max-age=10", 0, Policy{}, Validate},
		{"a request may want it younger", "Cache-Control: max-age=3", "Cache-Control: max-age=10", 4 * time.Second, Policy{}, Validate},
		{"or fresh for longer", "Cache-Control: min-fresh=5", "Cache-Control: max-age=10", 6 * time.Second, Policy{}, Validate},
		{"or be content with stale", "Cache-Control: max-stale=5", "Cache-Control: max-age=10", 14 * time.Second, Policy{}, Fresh},
		{"unless that is forbidden", "Cache-Control: max-stale=5", "Cache-Control: max-age=10, must-revalidate", 14 * time.Second, Policy{}, Validate},
		{"stale while it is asked for", "", "Cache-Control: max-age=10, stale-while-revalidate=5", 14 * time.Second, Policy{}, Meanwhile},
		{"not for longer", "", "Cache-Control: max-age=10, stale-while-revalidate=5", 16 * time.Second, Policy{}, Validate},
		{"as the route says", "", "Cache-Control: max-age=10", 14 * time.Second, Policy{Stale: 5 * time.Second}, Meanwhile},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := fields(tt.resp)
			resp.Set("Date", date(0))
			e := NewEntry(http.Header{}, resp, 200, nil, noon, noon, tt.policy)
			if got := Decide(fields(tt.req), e, noon.Add(tt.after), tt.policy); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestConditionsAreAnsweredHere(t *testing.T) {
	e := NewEntry(http.Header{}, fields(`Etag: W/"a"; Last-Modified: `+date(0)), 200, []byte("0123456789"), noon, noon, Policy{})
	for _, tt := range []struct {
		req  string
		want bool
	}{
		{`If-None-Match: "a"`, true},
		{`If-None-Match: "b", W/"a"`, true},
		{`If-None-Match: "b"`, false},
		{`If-None-Match: *`, true},
		{`If-None-Match: "b"; If-Modified-Since: ` + date(time.Hour), false},
		{"If-Modified-Since: " + date(0), true},
		{"If-Modified-Since: " + date(-time.Second), false},
		{"If-Modified-Since: never", false},
		{"", false},
	} {
		if got := e.NotModified(fields(tt.req)); got != tt.want {
			t.Errorf("%s: %v", tt.req, got)
		}
	}
}

func TestRanges(t *testing.T) {
	e := NewEntry(http.Header{}, fields(`Etag: "a"`), 200, []byte("0123456789"), noon, noon, Policy{})
	for _, tt := range []struct {
		req, want string
	}{
		{"Range: bytes=0-0", "bytes 0-0/10"},
		{"Range: bytes=5-", "bytes 5-9/10"},
		{"Range: bytes=-3", "bytes 7-9/10"},
		{"Range: bytes=-30", "bytes 0-9/10"},
		{"Range: bytes=8-99", "bytes 8-9/10"},
		{"Range: bytes=10-", "bytes */10"},
		{"Range: bytes=-0", "bytes */10"},
		{"Range: bytes=0-1,3-4", ""},
		{"Range: bytes=3-2", ""},
		{"Range: lines=0-1", ""},
		{`Range: bytes=0-0; If-Range: "a"`, "bytes 0-0/10"},
		{`Range: bytes=0-0; If-Range: "b"`, ""},
	} {
		got := ""
		if p, ok := e.Range(fields(tt.req)); ok {
			got = p.ContentRange(10)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.req, got, tt.want)
		}
	}
}

func TestVariantsAreKeptApart(t *testing.T) {
	s := NewStore(1 << 20)
	for _, lang := range []string{"de", "en"} {
		req := fields("Accept-Language: " + lang)
		s.Put("k", req, NewEntry(req, fields("Vary: accept-language"), 200, []byte(lang), noon, noon, Policy{}))
	}
	for _, lang := range []string{"de", "en"} {
		if e := s.Get("k", fields("Accept-Language: "+lang)); e == nil || string(e.Body) != lang {
			t.Errorf("%s: %v", lang, e)
		}
	}
	if e := s.Get("k", http.Header{}); e != nil {
		t.Errorf("without a language: %s", e.Body)
	}
	s.Forget("k")
	if n, keys := s.Size(); n != 0 || keys != 0 {
		t.Errorf("%d bytes, %d keys are left", n, keys)
	}
}

func TestTheStoreIsBounded(t *testing.T) {
	s := NewStore(100 << 10)
	h := http.Header{}
	for i := range 1000 {
		s.Put(fmt.Sprint(i), h, NewEntry(h, http.Header{}, 200, make([]byte, 1000), noon, noon, Policy{}))
		s.Get("0", h)
	}
	n, keys := s.Size()
	if n > 100<<10 || keys < 50 {
		t.Errorf("%d bytes, %d keys", n, keys)
	}
	if s.Get("0", h) == nil || s.Get("999", h) == nil || s.Get("500", h) != nil {
		t.Error("not what was used longest ago was forgotten")
	}
	s.Put("big", h, NewEntry(h, http.Header{}, 200, make([]byte, 200<<10), noon, noon, Policy{}))
	if s.Get("big", h) != nil || s.Get("999", h) == nil {
		t.Error("what does not fit pushed the others out")
	}
}

func TestOneAsksWhileOthersWait(t *testing.T) {
	s := NewStore(1 << 20)
	f, first := s.Join("k")
	if !first {
		t.Fatal("the first asks")
	}
	g, second := s.Join("k")
	if second || g != f {
		t.Fatal("the second waits")
	}
	f.End()
	f.End()
	<-g.Over()
	if _, first = s.Join("k"); !first {
		t.Error("then anybody may ask")
	}
}

func TestAValidationRenewsTheFields(t *testing.T) {
	e := NewEntry(http.Header{}, fields(`Etag: "a"; Cache-Control: max-age=1; Content-Type: text/plain; Age: 5`), 200, []byte("x"), noon, noon, Policy{})
	next, ok := e.Validated(http.Header{}, fields(`Etag: "a"; Cache-Control: max-age=9; Content-Type: other`), noon.Add(time.Minute), noon.Add(time.Minute), Policy{})
	if !ok || Decide(http.Header{}, next, noon.Add(68*time.Second), Policy{}) != Fresh || next.Header.Get("Content-Type") != "other" {
		t.Errorf("got %+v", next)
	}
	if _, ok := e.Validated(http.Header{}, fields(`Etag: "b"`), noon, noon, Policy{}); ok {
		t.Error("a 304 about another version renews nothing")
	}
}

func FuzzControl(f *testing.F) {
	f.Add(`max-age=1, x="a\"b", no-store`)
	f.Fuzz(func(t *testing.T, s string) {
		for name := range controlOf(http.Header{"Cache-Control": {s}}) {
			if name == "" || name != strings.ToLower(name) {
				t.Errorf("%q", name)
			}
		}
	})
}
