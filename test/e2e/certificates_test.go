package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"nagi.dev/test/lab"
)

// TestCertificatesAreRenewedLive lets the server outlive its certificates.
func TestCertificatesAreRenewedLive(t *testing.T) {
	t.Parallel()
	const lifetime = time.Minute
	s := newSite(t, lab.New(t), "renewed", lab.Options{})
	s.up(t, "--cert-lifetime", lifetime.String())
	begun := time.Now()
	places := []string{"127.0.0.1:6443", "10.42.0.1:10250", "10.42.0.1:7701"}
	first := map[string]*x509.Certificate{}
	for _, p := range places {
		first[p] = s.serving(t, p)
	}
	old := s.status(t)
	eventually(t, 2*lifetime, "the server outlives its first certificates by far", func() (string, bool) {
		code, out := s.Try(t.Context(), s.nagi, "kubectl", "get", "nodes", "--no-headers")
		if code != 0 {
			t.Errorf("after %s kubectl says %s", time.Since(begun), out)
		}
		return out, time.Since(begun) > lifetime*3/2
	})
	for _, p := range places {
		if was, is := first[p], s.serving(t, p); was.SerialNumber.Cmp(is.SerialNumber) == 0 {
			t.Errorf("%s still shows the certificate that ended at %s", p, was.NotAfter)
		}
	}
	s.settled(t)
	for _, p := range s.status(t).Parts {
		if p.Restarts > 0 {
			t.Errorf("%s was restarted %d times: %s", p.Name, p.Restarts, p.Error)
		}
	}
	if now := s.status(t); now.PID != old.PID {
		t.Error("the server was restarted")
	}
}

// serving is the certificate that a port of the machine shows.
func (s site) serving(t *testing.T, addr string) *x509.Certificate {
	t.Helper()
	raw, err := s.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	host, _, _ := net.SplitHostPort(addr)
	c := tls.Client(raw, &tls.Config{ServerName: host, InsecureSkipVerify: true}) // who signed is not the question here
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState().PeerCertificates[0]
}
