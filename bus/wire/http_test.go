package wire_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nagi.dev/bus/wire"
)

// TestHTTP reads like a session with curl.
func TestHTTP(t *testing.T) {
	noon := func() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }
	s := httptest.NewServer(wire.Handler(engine(t, noon)))
	defer s.Close()
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/v1/queues/none", "", 404, "no such queue"},
		{"PUT", "/v1/queues/ns%2Fphotos", `{"maxAttempts": 2, "maxLeased": -1}`, 400, "maxLeased"},
		{"PUT", "/v1/queues/ns%2Fphotos", `{"maxAtempts": 2}`, 400, "maxAtempts"},
		{"PUT", "/v1/queues/ns%2Fphotos", `{"maxAttempts": 2}`, 200, "{}"},
		{"GET", "/v1/queues", "", 200, `{"queues":["ns/photos"]}`},
		{"POST", "/v1/queues/ns%2Fphotos/items", `{"items": [{"body": "a", "id": "1"}, {"data": "/w=="}, {"body": "c", "delay": "5s"}]}`, 200, `{"numbers":[1,2,3]}`},
		{"POST", "/v1/queues/ns%2Fphotos/items", `{"items": [{"delay": "soon"}]}`, 400, "soon"},
		{"GET", "/v1/queues/ns%2Fphotos", "", 200, `"delayed":1`},
		{"POST", "/v1/queues/ns%2Fphotos/lease", `{"owner": "me", "for": "10s"}`, 200, `"number":1,"id":"1","body":"a","at":"2026-11-25T12:00:00Z","attempt":1,"token":1795608000000001`},
		{"POST", "/v1/queues/ns%2Fphotos/settle", `{"verdicts": [{"number": 1, "token": 5, "act": "done"}]}`, 200, "no longer held"},
		{"POST", "/v1/queues/ns%2Fphotos/settle", `{"verdicts": [{"number": 1, "token": 5, "act": "finish"}]}`, 400, "there are done"},
		{"POST", "/v1/queues/ns%2Fphotos/settle", `{"verdicts": [{"number": 1, "token": 5}]}`, 400, "act is missing"},
		{"GET", "/v1/queues/ns%2Fphotos/items?state=ready", "", 200, `"data":"/w=="`},
		{"GET", "/v1/queues/ns%2Fphotos/items?state=new", "", 400, "there are ready"},
		{"GET", "/v1/queues/ns%2Fphotos/results", "", 200, `{"results":[]}`},
		{"POST", "/v1/queues/ns%2Fphotos/cancel", `{"numbers": [2, 9]}`, 200, `{"count":1}`},
		{"POST", "/v1/queues/ns%2Fphotos/truncate", `{"before": 9}`, 200, "{}"},
		{"POST", "/v1/queues/ns%2Fphotos/explode", `{}`, 400, "explode"},
		{"GET", "/v1/queues/ns%2Fphotos", "", 200, `"cancelled":1`},
	} {
		r, err := http.NewRequest(step.method, s.URL+step.path, strings.NewReader(step.body))
		if err != nil {
			t.Fatal(err)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(a.Body)
		_ = a.Body.Close()
		if a.StatusCode != step.status || !strings.Contains(string(text), step.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", step.method, step.path, step.body, a.StatusCode, text, step.status, step.want)
		}
	}
}
