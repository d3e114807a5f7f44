package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nagi.dev/plane/config"
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

func TestFilesThatCannotBeReadAreRefused(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, 1)
	for _, spec := range []config.ServerTLS{
		{CertFile: cert, KeyFile: "none"},
		{CertFile: cert, KeyFile: key, ClientCAFile: key},
	} {
		if _, err := NewServer(&spec, nil); err == nil {
			t.Errorf("%+v was taken", spec)
		}
	}
}
