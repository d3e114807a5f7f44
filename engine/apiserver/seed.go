package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/tools/cache"
	"k8s.io/component-base/version"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	rbac "k8s.io/kubernetes/pkg/registry/rbac/rest"
	scheduling "k8s.io/kubernetes/pkg/registry/scheduling/rest"
)

// Upstream writes the roles and the priority classes that every cluster has in
// two hooks, and is not ready before they are through. Each sleeps a second
// before its first try: half of a restart. Where this very version wrote them
// into this very store before, they are there, and the hooks run behind.

// serve does what upstream's app.Run does, but for that.
func (p *Part) serve(ctx context.Context, opts options.CompletedOptions) error {
	var err error
	if opts.InformerName, err = cache.NewInformerName("kube-apiserver"); err != nil {
		return err
	}
	config, err := app.NewConfig(opts)
	if err != nil {
		return err
	}
	seeded := p.seeded()
	if seeded {
		config.KubeAPIs.ControlPlane.Generic.DisabledPostStartHooks.Insert(rbac.PostStartHookName, scheduling.PostStartHookName)
	}
	completed, err := config.Complete()
	if err != nil {
		return err
	}
	server, err := app.CreateServerChain(completed)
	if err != nil {
		return err
	}
	if seeded {
		if err := server.GenericAPIServer.AddPostStartHook("nagi/seed", p.seedBehind); err != nil {
			return err
		}
	}
	prepared, err := server.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

// seedBehind starts both hooks and does not wait. Upstream ends an API server
// whose hooks fail, and so does this.
func (p *Part) seedBehind(hc genericapiserver.PostStartHookContext) error {
	_, roles, err := rbac.RESTStorageProvider{}.PostStartHook()
	if err != nil {
		return err
	}
	_, classes, err := scheduling.RESTStorageProvider{}.PostStartHook()
	if err != nil {
		return err
	}
	for _, hook := range []genericapiserver.PostStartHookFunc{roles, classes} {
		go func() {
			if err := hook(hc); err != nil && hc.Err() == nil {
				select {
				case p.ended <- err:
				default: // the other one said so
				}
			}
		}()
	}
	return nil
}

// mark is a file in the store's own folder: it goes where the store goes.
func (p *Part) mark() string { return filepath.Join(p.Config.Dirs.Etcd(), "seeded") }

// seeded tells whether this version wrote roles and classes into this store.
func (p *Part) seeded() bool {
	b, err := os.ReadFile(p.mark())
	return err == nil && string(b) == version.Get().GitVersion
}

// Seeded remembers that the API server was ready, and so that roles and
// classes are in the store.
func (p *Part) Seeded() error {
	if p.seeded() {
		return nil
	}
	tmp := p.mark() + ".new"
	if err := errors.Join(os.WriteFile(tmp, []byte(version.Get().GitVersion), 0o600), os.Rename(tmp, p.mark())); err != nil {
		return fmt.Errorf("remember a ready API server: %w", err)
	}
	return nil
}
