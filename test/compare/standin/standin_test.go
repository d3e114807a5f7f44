package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFetchAsksTheAddressAmongItsArguments(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	address := strings.TrimPrefix(s.URL, "http://")
	for _, tt := range []struct {
		name string
		args string
		want int
	}{
		{"a URL is asked", "-f " + s.URL + "/health", 0},
		{"a scheme may be left out", "-s --noproxy localhost " + address + "/health", 0},
		{"what nobody answers fails", "-f http://127.0.0.1:1/", 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fetch("curl", strings.Fields(tt.args)); got != tt.want {
				t.Errorf("fetch %s = %d, want %d", tt.args, got, tt.want)
			}
		})
	}
}

func TestConnectTakesTheLastTwoWords(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	if got := connect([]string{"-z", host, port}); got != 0 {
		t.Errorf("connect = %d", got)
	}
	if got := connect([]string{"-z", host}); got == 0 {
		t.Error("connect without a port succeeded")
	}
}

// A check that greps the list of processes finds what it looks for.
func TestUnmaskGivesWhatAGrepFinds(t *testing.T) {
	if got := unmask.Replace(`aux | grep '[s]idekiq\ 6'`); !strings.Contains(got, "sidekiq 6") {
		t.Errorf("unmask = %s", got)
	}
}
