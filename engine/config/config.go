// Package config holds what one server is asked to be: the same values for
// the server and for each of its child processes, which read them from a
// file. It decides nothing. Start with Config.
package config

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"nagi.dev/internal/layout"
)

// A Config is complete: every field is set by the server before a child runs.
type Config struct {
	Dirs         layout.Dirs
	NodeName     string
	APIPort      int
	Listen       []netip.Addr  // beyond this machine; empty: closed
	ControlOnly  bool          // API server alone, as any user
	Bare         bool          // without the platform: no kind of Nagi
	CertLifetime time.Duration // of a leaf certificate
	CgroupRoot   string        // "/nagi"
	BuildIdle    time.Duration // how long the builder waits for the next build
	BuildAsRoot  bool          // steps of builds are root of the machine
	Verbosity    int           // of Kubernetes' own logs
}

// The addresses of every cluster.
var (
	PodNet     = netip.MustParsePrefix("10.42.0.0/16")
	NodePodNet = netip.MustParsePrefix("10.42.0.0/24")
	BridgeIP   = netip.MustParseAddr("10.42.0.1")
	ServiceNet = netip.MustParsePrefix("10.43.0.0/16")
	ServiceAPI = netip.MustParseAddr("10.43.0.1")
	ServiceDNS = netip.MustParseAddr("10.43.0.10")
	Loopback   = netip.MustParseAddr("127.0.0.1")
)

// Names that the cluster uses.
const (
	Bridge = "nagi0"
	Domain = "cluster.local"

	// FeatureGates of API server and kubelet beyond upstream's defaults:
	// compose's stop_signal needs the first.
	FeatureGates = "ContainerStopSignals=true"
)

// NodeIP is the address by which the cluster knows this machine: the first
// one asked for, else the bridge's, which nobody outside can reach.
func (c Config) NodeIP() netip.Addr {
	if len(c.Listen) > 0 {
		return c.Listen[0]
	}
	return BridgeIP
}

// APIAddresses lists where the API server listens.
func (c Config) APIAddresses() []netip.Addr {
	if c.ControlOnly {
		return []netip.Addr{Loopback}
	}
	return append([]netip.Addr{Loopback, BridgeIP}, c.Listen...)
}

// Door is where the platform serves planes and the API server, both of which
// reach it over the pods' bridge.
func (c Config) Door() netip.AddrPort { return netip.AddrPortFrom(BridgeIP, 7701) }

// DoorCert is the certificate and key of the door, DoorCA who signed it.
func (c Config) DoorCert() string { return filepath.Join(c.Dirs.PKI(), "platform-server.pem") }
func (c Config) DoorCA() string   { return filepath.Join(c.Dirs.PKI(), "ca.crt") }

// APIServer is the URL by which this machine reaches its API server.
func (c Config) APIServer() string { return fmt.Sprintf("https://127.0.0.1:%d", c.APIPort) }

// Kubeconfig is the kubeconfig of one component: "scheduler".
func (c Config) Kubeconfig(component string) string {
	return filepath.Join(c.Dirs.PKI(), component+".kubeconfig")
}

// EtcdSocket is where etcd listens: a socket that only its owner may open.
func (c Config) EtcdSocket() string { return filepath.Join(c.Dirs.Run, "etcd.sock") }

// File is where the server leaves the Config for its children.
func File(d layout.Dirs) string { return filepath.Join(d.Run, "config.json") }

// Write leaves c where the children look for it.
func (c Config) Write() error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode config: %w", err)
	}
	if err := os.WriteFile(File(c.Dirs), b, 0o600); err != nil {
		return fmt.Errorf("write config: %w", err)
	}
	return nil
}

// Read returns what Write left.
func Read(d layout.Dirs) (Config, error) {
	var c Config
	b, err := os.ReadFile(File(d))
	if err != nil {
		return c, fmt.Errorf("read config: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("read config %s: %w", File(d), err)
	}
	return c, nil
}
