package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// authorityLifetime is long because whoever trusts an authority has to be
// told by hand when it changes.
const authorityLifetime = 20 * 365 * 24 * time.Hour

// An authority signs leaves.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// loadAuthority reads dir/name.key and dir/name.crt and makes what is missing.
// The key is written first: a kill in between leaves a key without a
// certificate, which is signed then. A certificate without its key is damage:
// a new pair would lock out everybody who trusts the old one.
func loadAuthority(dir, name string) (*authority, error) {
	crtFile, keyFile := filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	crt, err := os.ReadFile(crtFile)
	fresh := errors.Is(err, os.ErrNotExist)
	if err != nil && !fresh {
		return nil, fmt.Errorf("read authority %s: %w", name, err)
	}
	key, err := authorityKey(keyFile, fresh)
	if err != nil {
		return nil, fmt.Errorf("read authority %s: %w", name, err)
	}
	if fresh {
		return signAuthority(crtFile, name, key)
	}
	cert, err := decodeCert(crt)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", crtFile, err)
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, fmt.Errorf("%s does not belong to %s; bring back both from one backup", keyFile, crtFile)
	}
	return &authority{cert, key}, nil
}

// authorityKey reads the key, or makes it where that is allowed.
func authorityKey(file string, make bool) (*ecdsa.PrivateKey, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && make {
		return newKey(file)
	}
	if err != nil {
		return nil, err
	}
	key, err := decodeKey(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil
}

// newKey makes a key and leaves it in file.
func newKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	b, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return key, writeFile(file, b, 0o600)
}

func signAuthority(file, name string, key *ecdsa.PrivateKey) (*authority, error) {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "nagi " + name},
		NotBefore:             now.Add(-time.Hour), // clocks of joining machines may be behind
		NotAfter:              now.Add(authorityLifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign authority %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse authority %s: %w", name, err)
	}
	return &authority{cert, key}, writeFile(file, encodeCert(der), 0o644)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand never fails on Linux
	}
	return n
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// block returns the first PEM block of the given type in b.
func block(b []byte, kind string) ([]byte, error) {
	for p, rest := pem.Decode(b); p != nil; p, rest = pem.Decode(rest) {
		if p.Type == kind {
			return p.Bytes, nil
		}
	}
	return nil, fmt.Errorf("no PEM block of type %s", kind)
}

func decodeCert(b []byte) (*x509.Certificate, error) {
	der, err := block(b, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func decodeKey(b []byte) (*ecdsa.PrivateKey, error) {
	der, err := block(b, "EC PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	return x509.ParseECPrivateKey(der)
}

// writeFile replaces file in one step.
func writeFile(file string, b []byte, mode os.FileMode) error {
	tmp := file + ".new"
	if err := os.WriteFile(tmp, b, mode); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}
