package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/pkg/netns"
	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/plugins/pkg/ns"
	resources "github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/network"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/vishvananda/netlink"

	"nagi.dev/engine/config"
	"nagi.dev/engine/containerd"
)

// networks are what a build step may ask for: the bridge of pods, nothing, or
// the machine's own.
func networks(c config.Config) (map[pb.NetMode]network.Provider, error) {
	b, err := newBridge(c)
	if err != nil {
		return nil, err
	}
	return map[pb.NetMode]network.Provider{
		pb.NetMode_UNSET: b, pb.NetMode_NONE: network.NewNoneProvider(), pb.NetMode_HOST: network.NewHostProvider(),
	}, nil
}

// A bridge gives each step a network namespace on the bridge of pods.
type bridge struct {
	dir  string // of the namespaces
	cni  *libcni.CNIConfig
	list *libcni.NetworkConfigList
}

func newBridge(c config.Config) (*bridge, error) {
	list, err := libcni.ConfListFromFile(filepath.Join(containerd.CNIDir(c), "10-nagi.conflist"))
	if err != nil {
		return nil, fmt.Errorf("read network settings: %w", err)
	}
	if len(list.Plugins) == 0 {
		return nil, fmt.Errorf("read network settings: %s names no plugin", list.Name)
	}
	list.Plugins = list.Plugins[:1] // the first makes the interface; what follows is about pods
	cache := filepath.Join(c.Dirs.BuildRun(), "cni")
	return &bridge{
		dir: filepath.Join(c.Dirs.BuildRun(), "netns"), list: list,
		cni: libcni.NewCNIConfigWithCacheDir([]string{c.Dirs.Bin()}, cache, nil),
	}, nil
}

func (b *bridge) Close() error { return nil }

// New implements network.Provider.
func (b *bridge) New(ctx context.Context, _ string, _ network.NamespaceOptions) (network.Namespace, error) {
	n, err := netns.NewNetNS(b.dir)
	if err != nil {
		return nil, fmt.Errorf("make network of a step: %w", err)
	}
	s := &stepNetwork{bridge: b, path: n.GetPath()}
	if err := s.join(ctx, n); err != nil {
		return nil, errors.Join(fmt.Errorf("make network of a step: %w", err), s.Close())
	}
	return s, nil
}

// A stepNetwork is the network namespace of one step. Its file's name is the
// identity that the address is kept under.
type stepNetwork struct {
	*bridge
	path string
}

func (s *stepNetwork) conf() *libcni.RuntimeConf {
	return &libcni.RuntimeConf{ContainerID: filepath.Base(s.path), NetNS: s.path, IfName: "eth0"}
}

func (s *stepNetwork) join(ctx context.Context, n *netns.NetNS) error {
	err := n.Do(func(ns.NetNS) error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return fmt.Errorf("look for loopback: %w", err)
		}
		return netlink.LinkSetUp(lo)
	})
	if err != nil {
		return err
	}
	_, err = s.cni.AddNetworkList(ctx, s.list, s.conf())
	return err
}

// Set implements network.Namespace.
func (s *stepNetwork) Set(spec *specs.Spec) error {
	for i := range spec.Linux.Namespaces {
		if spec.Linux.Namespaces[i].Type == specs.NetworkNamespace {
			spec.Linux.Namespaces[i].Path = s.path
			return nil
		}
	}
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: s.path})
	return nil
}

// Sample implements network.Namespace: nothing is counted.
func (s *stepNetwork) Sample() (*resources.NetworkSample, error) { return nil, nil }

// Close gives the address back and takes the namespace away.
func (s *stepNetwork) Close() error {
	err := s.cni.DelNetworkList(context.Background(), s.list, s.conf())
	if err != nil {
		err = fmt.Errorf("give back the address of a step: %w", err)
	}
	return errors.Join(err, netns.LoadNetNS(s.path).Remove())
}

// sweep closes the namespaces that a killed builder left.
func (b *bridge) sweep() error {
	entries, err := os.ReadDir(b.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, (&stepNetwork{bridge: b, path: filepath.Join(b.dir, e.Name())}).Close())
	}
	return errors.Join(errs...)
}
