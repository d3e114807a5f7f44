package web

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"nagi.dev/plane/config"
)

// A pair is a certificate whose files are read again when they change. Files
// that do not fit together, as in the middle of a change, leave the one before.
type pair struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex // guards what follows
	now    *tls.Certificate
	stamp  string
	looked time.Time
}

func newPair(cert, key string, log *slog.Logger) (*pair, error) {
	p := &pair{cert: cert, key: key, log: log}
	p.stamp = stampOf(cert, key)
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	p.now, p.looked = &c, time.Now()
	return p, nil
}

// stampOf changes when one of the files does.
func stampOf(files ...string) (s string) {
	for _, f := range files {
		if i, err := os.Stat(f); err == nil {
			s += fmt.Sprint(i.ModTime().UnixNano(), i.Size(), ";")
		}
	}
	return s
}

// get looks at the files at most once a second.
func (p *pair) get() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) < time.Second {
		return p.now
	}
	p.looked = time.Now()
	s := stampOf(p.cert, p.key)
	if s == p.stamp {
		return p.now
	}
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		p.log.Warn("the new certificate is not taken", "file", p.cert, "cause", err)
		return p.now
	}
	p.now, p.stamp = &c, s
	return p.now
}

// certs are what a listener with TLS needs.
type certs struct {
	pair *pair
	spec config.ServerTLS
	log  *slog.Logger

	mu    sync.Mutex // guards what follows
	cas   *x509.CertPool
	stamp string
}

func newCerts(spec *config.ServerTLS, log *slog.Logger) (*certs, error) {
	if spec == nil {
		return nil, nil //nolint:nilnil // no TLS
	}
	p, err := newPair(spec.CertFile, spec.KeyFile, log)
	if err != nil {
		return nil, err
	}
	c := &certs{pair: p, spec: *spec, log: log}
	if spec.ClientCAFile != "" {
		c.stamp = stampOf(spec.ClientCAFile)
		if c.cas, err = authorities(spec.ClientCAFile); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func authorities(file string) (*x509.CertPool, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("read authorities: %s holds no certificate", file)
	}
	return pool, nil
}

// clients are the authorities of clients as the file has them now.
func (c *certs) clients() *x509.CertPool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := stampOf(c.spec.ClientCAFile); s != c.stamp {
		pool, err := authorities(c.spec.ClientCAFile)
		if err != nil {
			c.log.Warn("the new authorities are not taken", "cause", err)
			return c.cas
		}
		c.cas, c.stamp = pool, s
	}
	return c.cas
}

// config is that of one connection.
func (c *certs) config() *tls.Config {
	conf := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: c.spec.ALPN,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair.get(), nil },
	}
	if len(conf.NextProtos) == 0 {
		conf.NextProtos = []string{"h2", "http/1.1"}
	}
	if c.spec.MinVersion == "1.3" {
		conf.MinVersion = tls.VersionTLS13
	}
	if c.spec.ClientCAFile != "" {
		conf.ClientAuth, conf.ClientCAs = tls.RequireAndVerifyClientCert, c.clients()
	}
	return conf
}

// clientTLS is how endpoints are spoken to.
func clientTLS(spec *config.ClientTLS) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: spec.ServerName, InsecureSkipVerify: spec.Insecure} //nolint:gosec // asked for
	if spec.CAFile != "" {
		var err error
		if conf.RootCAs, err = authorities(spec.CAFile); err != nil {
			return nil, err
		}
	}
	if spec.CertFile != "" {
		p, err := newPair(spec.CertFile, spec.KeyFile, slog.Default())
		if err != nil {
			return nil, err
		}
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c := p.get(); c != nil {
				return c, nil
			}
			return nil, errors.New("there is no certificate")
		}
	}
	return conf, nil
}
