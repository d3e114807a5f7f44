package check

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nagi.dev/plane/config"
)

func TestAMindChangesAfterEnoughVerdicts(t *testing.T) {
	spec := &config.ActiveCheck{Unhealthy: 3, Healthy: 2}
	for _, tt := range []struct{ name, verdicts, changes string }{
		{"three failures in a row", "---", "..!"},
		{"a success between begins anew", "--+---", ".....!"},
		{"and back after two", "---+-++", "..!...!"},
		{"nothing changes while all is well", "+++++", "....."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s state
			for i, v := range tt.verdicts {
				if got := s.see(v == '+', spec); got != (tt.changes[i] == '!') {
					t.Fatalf("verdict %d: changed %v", i, got)
				}
			}
		})
	}
}

func TestAnEndpointIsAsked(t *testing.T) {
	var sick atomic.Bool
	sick.Store(true)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready" || sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	address := strings.TrimPrefix(srv.URL, "http://")
	heard := make(chan bool, 10)
	stop := Start(Target{
		Spec:      config.ActiveCheck{Path: "/ready", Interval: config.Duration(5 * time.Millisecond)},
		Addresses: []string{address},
	}, func(a string, healthy bool) {
		if a != address {
			t.Error(a)
		}
		heard <- healthy
	})
	defer stop()
	if <-heard {
		t.Fatal("it is sick")
	}
	sick.Store(false)
	if !<-heard {
		t.Fatal("it is well again")
	}
}
