package image

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"nagi.dev/engine/registry"
)

// Push brings an image to the registry that its name begins with. Layers that
// are there are not sent again. Credentials are those of c, else Docker's own.
func Push(ctx context.Context, s System, c registry.Config) error {
	var opts []name.Option
	parsed, err := name.ParseReference(s.Ref())
	if err != nil {
		return fmt.Errorf("read image name: %w", err)
	}
	host := parsed.Context().RegistryStr()
	r := c[host]
	if r.Insecure {
		opts = append(opts, name.Insecure)
	}
	ref, err := name.ParseReference(s.Ref(), opts...)
	if err != nil {
		return fmt.Errorf("read image name: %w", err)
	}
	transport, err := transportOf(r)
	if err != nil {
		return err
	}
	auth := remote.WithAuthFromKeychain(authn.DefaultKeychain)
	if r.Username != "" {
		auth = remote.WithAuth(&authn.Basic{Username: r.Username, Password: r.Password})
	}
	return remote.Write(ref, s.image, auth, remote.WithContext(ctx), remote.WithTransport(transport))
}

// transportOf trusts whom the description of a registry trusts.
func transportOf(r registry.Registry) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: r.Insecure} //nolint:gosec // its owner wrote insecure
	if r.CA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		return nil, fmt.Errorf("read authority of registry: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authority of registry: %s holds no certificate", r.CA)
	}
	return t, nil
}
