package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A leaf is one certificate that a server or a client shows.
type leaf struct {
	name   string // file name without .pem
	user   string // common name
	groups []string
	usage  []x509.ExtKeyUsage
	dns    []string
	ips    []net.IP
	by     string // the authority's name
}

var (
	server = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	client = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
)

// due tells whether the certificate in file has to be made anew: it is
// missing, unreadable, signed by somebody else, lacks a name, or has passed
// two thirds of its life.
func (l leaf) due(file string, ca *authority, now time.Time) (bool, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read certificate %s: %w", file, err)
	}
	c, err := decodeCert(b)
	if err != nil || c.CheckSignatureFrom(ca.cert) != nil {
		return true, nil // a leaf costs nothing to make
	}
	if _, err := decodeKey(b); err != nil {
		return true, nil
	}
	life := c.NotAfter.Sub(c.NotBefore)
	return now.After(c.NotBefore.Add(life*2/3)) || !l.names(c), nil
}

// names tells whether c carries all names of l.
func (l leaf) names(c *x509.Certificate) bool {
	for _, d := range l.dns {
		if !slices.Contains(c.DNSNames, d) {
			return false
		}
	}
	for _, ip := range l.ips {
		if !slices.ContainsFunc(c.IPAddresses, ip.Equal) {
			return false
		}
	}
	return true
}

func (l leaf) write(dir string, ca *authority, now time.Time, life time.Duration) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make key of %s: %w", l.name, err)
	}
	t := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: l.user, Organization: l.groups},
		NotBefore:    now.Add(-min(time.Minute, life/10)),
		NotAfter:     now.Add(life),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  l.usage,
		DNSNames:     l.dns,
		IPAddresses:  l.ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, ca.cert, key.Public(), ca.key)
	if err != nil {
		return fmt.Errorf("sign certificate %s: %w", l.name, err)
	}
	k, err := encodeKey(key)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, l.name+".pem"), append(encodeCert(der), k...), 0o600)
}
