package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// certify writes a certificate for 127.0.0.1 with this serial number.
func certify(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kd, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	write := func(name, kind string, b []byte) {
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(cert, "CERTIFICATE", der)
	write(key, "PRIVATE KEY", kd)
	return cert, key
}

// client speaks to the plane with these protocols and trusts any certificate.
func speaker(t *testing.T, set func(*http.Protocols)) *http.Client {
	p := new(http.Protocols)
	set(p)
	tr := &http.Transport{Protocols: p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestTLSEndsHereInBothVersions(t *testing.T) {
	var got http.Header
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		fmt.Fprint(w, r.Proto)
	})
	cert, key := certify(t, t.TempDir(), 1)
	x := run(t, `[{"arms": [{"pool": "a"}], "retry": {}}]`, "["+poolOf("a", "", addr)+"]",
		fmt.Sprintf(`"tls": {"certFile": %q, "keyFile": %q},`, cert, key))
	for _, tt := range []struct {
		proto string
		set   func(*http.Protocols)
	}{
		{"HTTP/1.1", func(p *http.Protocols) { p.SetHTTP1(true) }},
		{"HTTP/2.0", func(p *http.Protocols) { p.SetHTTP2(true) }},
	} {
		resp, err := speaker(t, tt.set).Get("https://" + x.addr + "/a?b=%zz;c")
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.Proto != tt.proto || string(b) != "HTTP/1.1" {
			t.Errorf("got %s to the client, %q at the endpoint", resp.Proto, b)
		}
		if got.Get("X-Forwarded-Proto") != "https" || got.Get("X-Forwarded-For") != "127.0.0.1" || got.Get("Traceparent") == "" {
			t.Errorf("the endpoint saw %v", got)
		}
	}
}

func TestACertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, 1)
	p, err := newPair(cert, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		p.looked = time.Time{} // a second later
		c, err := x509.ParseCertificate(p.get().Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return c.SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatal(got)
	}
	certify(t, dir, 22)
	if got := serial(); got != 22 {
		t.Errorf("the certificate of before is served: %d", got)
	}
}

func TestHTTP2WithoutTLSAndTrailers(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Te") != "trailers" {
			t.Errorf("TE is %q", r.Header.Get("Te"))
		}
		w.Header().Set("Content-Type", "application/grpc")
		for b := make([]byte, 100); ; {
			n, err := r.Body.Read(b)
			_, _ = w.Write(b[:n])
			_ = http.NewResponseController(w).Flush()
			if err != nil {
				break
			}
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}))
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	t.Cleanup(srv.Close)
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", `, "http2": true`, strings.TrimPrefix(srv.URL, "http://"))+"]")
	body, in := io.Pipe()
	req, err := http.NewRequest("POST", "http://"+x.addr+"/a.B/C", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	resp, err := func() (*http.Response, error) {
		go func() { _, _ = io.WriteString(in, "first") }()
		return speaker(t, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }).Do(req)
	}()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "first" {
		t.Fatalf("an answer while the request goes on: %q %v", b, err)
	}
	_, _ = io.WriteString(in, "second")
	in.Close()
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "second" || resp.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("%q %v, trailer %v", rest, err, resp.Trailer)
	}
}

func TestASlowEndpointIsHedged(t *testing.T) {
	var n atomic.Int32
	h := func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}
		fmt.Fprint(w, "ok")
	}
	x := run(t, `[{"arms": [{"pool": "a"}], "hedge": {"after": "10ms"}}]`, "["+poolOf("a", "", serve(t, h), serve(t, h))+"]")
	began := time.Now()
	if status, body, _ := x.get("/"); status != 200 || body != "ok" {
		t.Errorf("got %d %q", status, body)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestFarRetriesAndFails(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	busy := "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
	for _, tt := range []struct {
		name, method, retry string
		answers             []string
		status              int
		body                string
	}{
		{"a reset is tried again", "PUT", `{}`, []string{"", ok}, 200, "ok"},
		{"without a policy it is not", "PUT", `null`, []string{"", ok}, 502, "the endpoint closed the connection without an answer\n"},
		{"nor a method that is not idempotent", "POST", `{}`, []string{"", ok}, 502, "the endpoint closed the connection without an answer\n"},
		{"503 is tried again", "PUT", `{}`, []string{busy, ok}, 200, "ok"},
		{"and passed on when tries are used up", "PUT", `{"attempts": 1}`, []string{busy, busy, ok}, 503, "busy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := run(t, `[{"arms": [{"pool": "a"}], "hedge": {"after": "1h"}, "retry": `+tt.retry+`}]`, "["+poolOf("a", "", script(t, tt.answers...))+"]")
			req, err := http.NewRequest(tt.method, "http://"+x.addr, strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			if status, body, _ := x.do(req); status != tt.status || body != tt.body {
				t.Errorf("got %d %q, want %d %q", status, body, tt.status, tt.body)
			}
		})
	}
	t.Run("no answer in time", func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		x := run(t, `[{"arms": [{"pool": "a"}], "hedge": {"after": "1h"}, "timeout": "30ms"}]`, "["+poolOf("a", "", serve(t, func(http.ResponseWriter, *http.Request) { <-release }))+"]")
		if status, body, _ := x.get("/"); status != 504 {
			t.Errorf("got %d %q", status, body)
		}
	})
}

func TestActiveChecksKeepRequestsAway(t *testing.T) {
	var sick atomic.Bool
	a := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ready" && sick.Load() {
			w.WriteHeader(500)
			return
		}
		fmt.Fprint(w, "a")
	})
	x := run(t, `[{"arms": [{"pool": "a"}]}]`, "["+poolOf("a", `, "health": {"active": {"path": "/ready", "interval": "5ms", "unhealthy": 1}}`, a)+"]")
	if status, _, _ := x.get("/"); status != 200 {
		t.Fatal(status)
	}
	until := func(want int) {
		t.Helper()
		for range 1000 {
			if status, _, _ := x.get("/"); status == want {
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
		t.Fatalf("never answered %d", want)
	}
	sick.Store(true)
	until(503)
	sick.Store(false)
	until(200)
}
