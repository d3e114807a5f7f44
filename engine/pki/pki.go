package pki

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Options says what a server needs. All fields but Listen are required.
type Options struct {
	Dir        string // holds everything; mode 0700
	Server     string // URL of the API server, for kubeconfigs
	Node       string // this machine's name
	Addresses  []netip.Addr
	Lifetime   time.Duration // of a leaf
	Domain     string        // "cluster.local"
	Kubeconfig string        // where the administrator's kubeconfig goes
}

// The authorities: of the cluster, and of the API aggregation layer.
const (
	clusterCA = "ca"
	frontCA   = "front-proxy-ca"
)

// Ensure makes whatever is missing in o.Dir and renews the leaves that are
// due. It returns the names of the leaves it made.
func Ensure(o Options) (made []string, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of certificates: %w", err)
	}
	cas := map[string]*authority{}
	for _, name := range []string{clusterCA, frontCA} {
		if cas[name], err = loadAuthority(o.Dir, name); err != nil {
			return nil, err
		}
	}
	if err := ensureKey(filepath.Join(o.Dir, "sa.key")); err != nil {
		return nil, err
	}
	if err := ensureEncryption(filepath.Join(o.Dir, "encryption.yaml")); err != nil {
		return nil, err
	}
	now := time.Now()
	for _, l := range o.leaves() {
		due, err := l.due(filepath.Join(o.Dir, l.name+".pem"), cas[l.by], now)
		if err != nil {
			return nil, err
		}
		if !due {
			continue
		}
		if err := l.write(o.Dir, cas[l.by], now, o.Lifetime); err != nil {
			return nil, err
		}
		made = append(made, l.name)
	}
	return made, o.kubeconfigs(len(made) > 0)
}

// leaves lists every certificate of a server.
func (o Options) leaves() []leaf {
	var ips []net.IP
	for _, a := range o.Addresses {
		ips = append(ips, net.IP(a.AsSlice()))
	}
	api := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + o.Domain}
	admins := []string{"system:masters"}
	return []leaf{
		{name: "apiserver", user: "kube-apiserver", usage: server, dns: api, ips: ips, by: clusterCA},
		{name: "apiserver-kubelet-client", user: "kube-apiserver-kubelet-client", groups: admins, usage: client, by: clusterCA},
		{name: "front-proxy-client", user: "front-proxy-client", usage: client, by: frontCA},
		{name: "controller-manager", user: "system:kube-controller-manager", usage: client, by: clusterCA},
		{name: "scheduler", user: "system:kube-scheduler", usage: client, by: clusterCA},
		{name: "proxy", user: "system:kube-proxy", usage: client, by: clusterCA},
		{name: "platform", user: "nagi:platform", groups: admins, usage: client, by: clusterCA},
		{name: "platform-server", user: "nagi:platform", usage: server, dns: []string{"nagi-platform.nagi-system.svc"}, ips: ips, by: clusterCA},
		{name: "admin", user: "nagi:admin", groups: admins, usage: client, by: clusterCA},
		{name: "kubelet", user: "system:node:" + o.Node, groups: []string{"system:nodes"}, usage: client, by: clusterCA},
		{name: "kubelet-server", user: "system:node:" + o.Node, usage: server, dns: []string{o.Node}, ips: ips, by: clusterCA},
	}
}

// ensureKey makes the key that signs ServiceAccount tokens.
func ensureKey(file string) error {
	_, err := os.Stat(file)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := newKey(file); err != nil {
		return fmt.Errorf("make ServiceAccount key: %w", err)
	}
	return nil
}
