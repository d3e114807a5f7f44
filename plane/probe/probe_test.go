package probe

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answers by path: /STATUS, /slow until the client is gone, /echo with the
// method and a header.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/slow":
		<-r.Context().Done()
	case "/moved":
		http.Redirect(w, r, "/gone", http.StatusFound)
	case "/gone":
		http.Error(w, "closed for\ngood", http.StatusGone)
	case "/picky":
		if r.Method != http.MethodHead || r.Header.Get("X-Key") != "7" || r.Host != "a.example" {
			w.WriteHeader(http.StatusTeapot)
		}
	}
}

func TestRunOverHTTP(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(answer))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(answer))
	defer secure.Close()
	for _, tt := range []struct {
		name    string
		options Options
		fault   string // part of the error; "": healthy
	}{
		{"200 is healthy", Options{Target: plain.URL + "/"}, ""},
		{"a redirect is healthy and not followed", Options{Target: plain.URL + "/moved"}, ""},
		{"a redirect is not healthy where only 200 is", Options{Target: plain.URL + "/moved", Status: "200"}, "status 302 Found, want 200-200"},
		{"410 is not healthy and its text is shown", Options{Target: plain.URL + "/gone"}, "status 410 Gone, want 200-399: closed for good"},
		{"410 is healthy where it is asked for", Options{Target: plain.URL + "/gone", Status: "400-499"}, ""},
		{"a slow answer is none", Options{Target: plain.URL + "/slow", Timeout: 20 * time.Millisecond}, "no answer within 20ms"},
		{
			"method, header and host are sent",
			Options{Target: plain.URL + "/picky", Method: "HEAD", Header: http.Header{"X-Key": {"7"}, "Host": {"a.example"}}},
			"",
		},
		{"an unknown certificate is not healthy", Options{Target: secure.URL}, "certificate"},
		{"an unknown certificate is healthy when insecure", Options{Target: secure.URL, Insecure: true}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) { check(t, tt.options, tt.fault) })
	}
}

func TestRunOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := "tcp://" + l.Addr().String()
	t.Run("a port that accepts is healthy", func(t *testing.T) { check(t, Options{Target: target}, "") })
	l.Close()
	t.Run("a closed port is not", func(t *testing.T) { check(t, Options{Target: target}, "refused") })
}

func TestRunOfAProgram(t *testing.T) {
	for _, tt := range []struct {
		name    string
		command []string
		timeout time.Duration
		fault   string
	}{
		{"a program that succeeds is healthy", []string{"true"}, 0, ""},
		{"a program that fails is not", []string{"false"}, 0, "exit status 1"},
		{"a program that is not there is not", []string{"/no/such/program"}, 0, "no such file"},
		{"a program that hangs is killed with its children", []string{"sh", "-c", "sleep 100 & wait"}, 20 * time.Millisecond, "no answer within 20ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, Options{Target: "exec", Command: tt.command, Timeout: tt.timeout, Stdout: &bytes.Buffer{}}, tt.fault)
		})
	}
}

func check(t *testing.T, o Options, fault string) {
	t.Helper()
	err := Run(t.Context(), o)
	if fault == "" && err != nil || fault != "" && (err == nil || !strings.Contains(err.Error(), fault)) {
		t.Errorf("Run = %v, want %q", err, fault)
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options Options
		fault   string
	}{
		{"a URL is enough", Options{Target: "http://localhost"}, ""},
		{"a URL needs a host", Options{Target: "localhost:80"}, "has no host"},
		{"tcp needs a port", Options{Target: "tcp://localhost"}, "has no port"},
		{"other schemes are refused", Options{Target: "ftp://localhost"}, "neither http"},
		{"exec needs a program", Options{Target: "exec"}, "has no program"},
		{"a URL takes no program", Options{Target: "http://localhost", Command: []string{"x"}}, "only exec"},
		{"a status is a code", Options{Target: "http://localhost", Status: "20"}, "is not a code"},
		{"a range goes upwards", Options{Target: "http://localhost", Status: "300-200"}, "is not a code"},
		{"every fault is named at once", Options{Target: "x", Status: "y"}, `status "y"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.options.Validate()
			if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("Validate = %v, want %q", err, tt.fault)
			}
		})
	}
}
