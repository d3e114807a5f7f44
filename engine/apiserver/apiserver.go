// Package apiserver runs the upstream Kubernetes API server inside this
// process. It does not change what that server does; it chooses its settings
// and its listeners. Start with Part.
package apiserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"nagi.dev/engine/config"
	"nagi.dev/engine/flags"
)

// A Part is the API server.
type Part struct {
	Config config.Config

	listener *multi
	cancel   context.CancelFunc
	ended    chan error
	done     sync.WaitGroup
}

// Name implements run.Part.
func (*Part) Name() string { return "apiserver" }

// Listen opens the addresses early, so that a busy port is known before
// anything else starts, and returns the port.
func (p *Part) Listen() (port int, err error) {
	if p.listener, err = listen(p.Config.APIAddresses(), p.Config.APIPort); err != nil {
		return 0, err
	}
	return p.listener.Addr().(*net.TCPAddr).Port, nil
}

// Start implements run.Part.
func (p *Part) Start(context.Context) error {
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if p.listener == nil {
		if _, err := p.Listen(); err != nil {
			return err
		}
	}
	if err := writeAdmission(p.admission()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	opts, err := p.options(ctx)
	if err != nil {
		cancel()
		return err
	}
	p.ended = make(chan error, 2) // its own end, and that of its hooks
	p.done.Go(func() { p.ended <- p.serve(ctx, opts) })
	return nil
}

func (p *Part) options(ctx context.Context) (options.CompletedOptions, error) {
	o := options.NewServerRunOptions()
	if err := flags.Parse(o.Flags(), p.args()); err != nil {
		return options.CompletedOptions{}, fmt.Errorf("set API server flags: %w", err)
	}
	o.SecureServing.Listener = p.listener
	if err := o.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return options.CompletedOptions{}, fmt.Errorf("set feature gates: %w", err)
	}
	c, err := o.Complete(ctx)
	if err != nil {
		return c, fmt.Errorf("complete API server options: %w", err)
	}
	return c, utilerrors.NewAggregate(c.Validate())
}

func (p *Part) admission() string { return filepath.Join(p.Config.Dirs.PKI(), "admission.yaml") }

func (p *Part) args() []string {
	c := p.Config
	pki := func(name string) string { return filepath.Join(c.Dirs.PKI(), name) }
	// Without a node nobody reads the address, but it may not be loopback.
	advertise, reconciler := c.NodeIP(), "lease"
	if c.ControlOnly {
		advertise, reconciler = config.BridgeIP, "none"
	}
	return []string{
		"--advertise-address=" + advertise.String(),
		"--endpoint-reconciler-type=" + reconciler,
		fmt.Sprintf("--secure-port=%d", c.APIPort),
		"--etcd-servers=unix://" + c.EtcdSocket(),
		"--service-cluster-ip-range=" + config.ServiceNet.String(),
		"--tls-cert-file=" + pki("apiserver.pem"), "--tls-private-key-file=" + pki("apiserver.pem"),
		"--client-ca-file=" + pki("ca.crt"),
		"--kubelet-client-certificate=" + pki("apiserver-kubelet-client.pem"), "--kubelet-client-key=" + pki("apiserver-kubelet-client.pem"),
		"--kubelet-certificate-authority=" + pki("ca.crt"),
		"--kubelet-preferred-address-types=InternalIP,Hostname",
		"--service-account-key-file=" + pki("sa.key"), "--service-account-signing-key-file=" + pki("sa.key"),
		"--service-account-issuer=https://kubernetes.default.svc." + config.Domain,
		"--requestheader-client-ca-file=" + pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group", "--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + pki("front-proxy-client.pem"), "--proxy-client-key-file=" + pki("front-proxy-client.pem"),
		"--anonymous-auth=false",
		"--encryption-provider-config=" + pki("encryption.yaml"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--admission-control-config-file=" + p.admission(),
		"--allow-privileged=true", "--profiling=false", "--shutdown-delay-duration=0s",
		"--enable-aggregator-routing=true", "--feature-gates=" + config.FeatureGates,
	}
}

// Err reports a server that ended by itself.
func (p *Part) Err() <-chan error { return p.ended }

// Stop implements run.Part.
func (p *Part) Stop(ctx context.Context) error {
	if p.cancel == nil {
		return nil
	}
	p.cancel()
	done := make(chan struct{})
	go func() { p.done.Wait(); close(done) }()
	select {
	case <-done: // it waits for watches, which have no reason to end
	case <-ctx.Done():
	}
	return p.listener.Close()
}

// admissionConfig makes Pod Security's baseline the default: a namespace that
// needs more says so by its labels.
const admissionConfig = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: baseline, enforce-version: latest}
    exemptions: {namespaces: [kube-system]}
`

func writeAdmission(file string) error {
	if err := os.WriteFile(file, []byte(admissionConfig), 0o600); err != nil {
		return fmt.Errorf("write admission configuration: %w", err)
	}
	return nil
}
