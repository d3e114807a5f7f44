package pki

import (
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func options(t *testing.T) Options {
	dir := t.TempDir()
	return Options{
		Dir: filepath.Join(dir, "pki"), Server: "https://127.0.0.1:6443", Node: "n1", Lifetime: time.Hour,
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Domain: "cluster.local", Kubeconfig: filepath.Join(dir, "kubeconfig"),
	}
}

func ensure(t *testing.T, o Options) []string {
	t.Helper()
	made, err := Ensure(o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEnsureTwiceMakesNothingTheSecondTime(t *testing.T) {
	o := options(t)
	if made := ensure(t, o); len(made) != len(o.leaves()) {
		t.Errorf("first made %v", made)
	}
	if made := ensure(t, o); len(made) != 0 {
		t.Errorf("second made %v", made)
	}
}

func TestEverythingSecretIsForItsOwnerAlone(t *testing.T) {
	o := options(t)
	ensure(t, o)
	files, _ := filepath.Glob(filepath.Join(o.Dir, "*"))
	for _, f := range append(files, o.Kubeconfig) {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, ".crt") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", f, info.Mode().Perm())
		}
	}
}

func TestLeafIsRenewedAfterTwoThirdsOfItsLife(t *testing.T) {
	o := options(t)
	ensure(t, o)
	ca, err := loadAuthority(o.Dir, clusterCA)
	if err != nil {
		t.Fatal(err)
	}
	l, file := o.leaves()[0], filepath.Join(o.Dir, "apiserver.pem")
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{30 * time.Minute, false}, {45 * time.Minute, true}, {2 * time.Hour, true}} {
		if due, err := l.due(file, ca, time.Now().Add(tt.after)); err != nil || due != tt.want {
			t.Errorf("due after %s: %v %v", tt.after, due, err)
		}
	}
}

func TestNewAddressRenewsOnlyServers(t *testing.T) {
	o := options(t)
	ensure(t, o)
	o.Addresses = append(o.Addresses, netip.MustParseAddr("192.0.2.7"))
	made := ensure(t, o)
	if want := []string{"apiserver", "platform-server", "kubelet-server"}; !slices.Equal(made, want) {
		t.Errorf("made %v, want %v", made, want)
	}
	c, err := decodeCert([]byte(read(t, filepath.Join(o.Dir, "apiserver.pem"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyHostname("192.0.2.7"); err != nil {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		want             string // part of the error; "": mended
	}{
		{"an authority's key that is gone is not made anew", "ca.key", "", "read authority ca"},
		{"an authority's key that is no key is reported", "ca.key", "x", "no PEM block"},
		{"an authority's certificate that is gone is signed anew", "ca.crt", "", ""},
		{"an authority's certificate that is none is reported", "ca.crt", "x", "no PEM block"},
		{"a leaf that is broken is made anew", "admin.pem", "x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t)
			ensure(t, o)
			file := filepath.Join(o.Dir, tt.file)
			if tt.text == "" {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Ensure(o)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestChainVerifies(t *testing.T) {
	o := options(t)
	ensure(t, o)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, filepath.Join(o.Dir, "ca.crt"))))
	for _, l := range o.leaves() {
		if l.by != clusterCA {
			continue
		}
		c, err := decodeCert([]byte(read(t, filepath.Join(o.Dir, l.name+".pem"))))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: l.usage}); err != nil {
			t.Errorf("%s: %v", l.name, err)
		}
	}
}
