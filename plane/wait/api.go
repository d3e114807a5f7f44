package wait

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// account is where the kubelet mounts the token, the CA and the namespace.
const account = "/var/run/secrets/kubernetes.io/serviceaccount"

// An API says where the API server is and who asks.
type API struct {
	URL     string // "": from KUBERNETES_SERVICE_HOST and _PORT
	Account string // folder with token, ca.crt and namespace; "": the pod's
}

func (a API) withDefaults() (API, error) {
	a.Account = cmp.Or(a.Account, account)
	if a.URL != "" {
		return a, nil
	}
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return a, errors.New("find the API server: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; run this in a pod")
	}
	a.URL = "https://" + net.JoinHostPort(host, port)
	return a, nil
}

// client speaks the three requests that wait needs. It belongs to one
// goroutine.
type client struct {
	api  API
	http *http.Client // nil: made anew at the next request
}

func newClient(a API) *client { return &client{api: a} }

// reset drops the connections and the CA, so that the next request starts
// afresh: the server may have come back with another certificate.
func (c *client) reset() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
	c.http = nil
}

func (c *client) connect() error {
	if c.http != nil {
		return nil
	}
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(c.api.Account, "ca.crt"))
	if err != nil {
		return fmt.Errorf("read CA: %w", err)
	}
	if !roots.AppendCertsFromPEM(ca) {
		return fmt.Errorf("read CA: %s/ca.crt holds no certificate", c.api.Account)
	}
	c.http = &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 10 * time.Second,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 10 * time.Second}).DialContext,
	}}
	return nil
}

// A path of the API below the namespace, and its query.
type request struct {
	path  string // "/apis/apps/v1", "/api/v1"
	kind  string // "deployments"
	query url.Values
}

// errStatus is an answer other than 200.
type errStatus struct {
	code int
	text string
}

func (e errStatus) Error() string { return fmt.Sprintf("the API server says %d: %s", e.code, e.text) }

// open sends the request. The token is read each time: the kubelet renews it.
func (c *client) open(ctx context.Context, r request) (io.ReadCloser, error) {
	if err := c.connect(); err != nil {
		return nil, err
	}
	token, err := os.ReadFile(filepath.Join(c.api.Account, "token"))
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	namespace, err := os.ReadFile(filepath.Join(c.api.Account, "namespace"))
	if err != nil {
		return nil, fmt.Errorf("read namespace: %w", err)
	}
	target := fmt.Sprintf("%s%s/namespaces/%s/%s?%s", c.api.URL, r.path, strings.TrimSpace(string(namespace)), r.kind, r.query.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok { // it repeats the long address
			err = e.Err
		}
		return nil, fmt.Errorf("ask the API server: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp.Body, nil
}

// refusal reads the Status object that comes with an answer other than 200.
func refusal(resp *http.Response) error {
	var status struct{ Message string }
	_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&status) // the code says enough
	return errStatus{resp.StatusCode, cmp.Or(status.Message, http.StatusText(resp.StatusCode))}
}

// list decodes the answer into v. It ends within 30 s.
func (c *client) list(ctx context.Context, r request, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	body, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("read %s: %w", r.kind, err)
	}
	return nil
}
