package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"nagi.dev/engine/config"
)

// An await is the Part that is ready once the API server is: what needs it
// stands behind it in the list.
type await struct {
	config config.Config
	as     string // whose kubeconfig
}

func (await) Name() string                { return "API" }
func (await) Start(context.Context) error { return nil }
func (await) Stop(context.Context) error  { return nil }

// Ready asks every 20 ms: a wait of half a second would be an eighth of the
// whole start.
func (a await) Ready(ctx context.Context) error {
	c, err := restConfig(a.config, a.as)
	if err != nil {
		return err
	}
	c.Timeout = 2 * time.Second
	h, err := rest.HTTPClientFor(c)
	if err != nil {
		return fmt.Errorf("make client of the API server: %w", err)
	}
	defer h.CloseIdleConnections()
	for {
		err := readyz(ctx, h, c.Host)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the API server: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func readyz(ctx context.Context, h *http.Client, host string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := h.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz answers %s", resp.Status)
	}
	return nil
}

// restConfig reads the kubeconfig of a component. Limits are the server's
// business: on one machine a client that waits by itself only adds delay.
func restConfig(c config.Config, component string) (*rest.Config, error) {
	r, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig(component))
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig of %s: %w", component, err)
	}
	r.QPS, r.Burst = 200, 400
	r.UserAgent = "nagi-" + component
	r.ContentType = "application/vnd.kubernetes.protobuf"
	return r, nil
}

func clientset(c config.Config, component string) (*kubernetes.Clientset, error) {
	r, err := restConfig(c, component)
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(r)
}
