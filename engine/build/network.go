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
	"golang.org/x/sys/unix"

	"nagi.dev/engine/config"
	"nagi.dev/engine/containerd"
)

// networks are what a build step may ask for: the bridge of pods, nothing, or
// the machine's own. With them comes the user namespace that owns them.
func networks(c config.Config) (map[pb.NetMode]network.Provider, error) {
	b, err := newBridge(c)
	if err != nil {
		return nil, err
	}
	none, host := network.NewNoneProvider(), network.NewHostProvider()
	if !c.BuildAsRoot {
		none = owned{none, func(s *specs.Spec) { unprivileged(s, "") }}
		host = owned{host, func(s *specs.Spec) { unprivileged(s, ""); borrowSys(s) }}
	}
	return map[pb.NetMode]network.Provider{pb.NetMode_UNSET: b, pb.NetMode_NONE: none, pb.NetMode_HOST: host}, nil
}

// owned puts the steps of a network into a user namespace.
type owned struct {
	network.Provider
	own func(*specs.Spec)
}

// New implements network.Provider.
func (o owned) New(ctx context.Context, hostname string, opt network.NamespaceOptions) (network.Namespace, error) {
	n, err := o.Provider.New(ctx, hostname, opt)
	return ownedNetwork{n, o.own}, err
}

type ownedNetwork struct {
	network.Namespace
	own func(*specs.Spec)
}

// Set implements network.Namespace.
func (o ownedNetwork) Set(s *specs.Spec) error {
	o.own(s)
	return o.Namespace.Set(s)
}

// A bridge gives each step a network namespace on the bridge of pods.
type bridge struct {
	dir  string // of the network namespaces
	user string // of the user namespaces that own them; "": root of the machine does
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
	b := &bridge{
		dir: filepath.Join(c.Dirs.BuildRun(), "netns"), list: list,
		cni: libcni.NewCNIConfigWithCacheDir([]string{c.Dirs.Bin()}, cache, nil),
	}
	if !c.BuildAsRoot {
		b.user = filepath.Join(c.Dirs.BuildRun(), "userns")
	}
	return b, nil
}

func (b *bridge) Close() error { return nil }

// New implements network.Provider.
func (b *bridge) New(ctx context.Context, _ string, _ network.NamespaceOptions) (network.Namespace, error) {
	n, err := b.namespace()
	if err != nil {
		return nil, fmt.Errorf("make network of a step: %w", err)
	}
	s := &stepNetwork{bridge: b, path: n.GetPath()}
	if err := s.join(ctx, n); err != nil {
		return nil, errors.Join(fmt.Errorf("make network of a step: %w", err), s.Close())
	}
	return s, nil
}

// namespace makes a network namespace, and the user namespace that owns it: a
// file each, of one name.
func (b *bridge) namespace() (n *netns.NetNS, err error) {
	if b.user == "" {
		return netns.NewNetNS(b.dir)
	}
	err = apart(func(pid int) error {
		if n, err = netns.NewNetNSFromPID(b.dir, uint32(pid)); err != nil {
			return err
		}
		if err = pin(fmt.Sprintf("/proc/%d/ns/user", pid), filepath.Join(b.user, filepath.Base(n.GetPath()))); err != nil {
			return errors.Join(err, n.Remove())
		}
		return nil
	})
	return n, err
}

// pin keeps a namespace at file.
func pin(ns, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o711); err != nil {
		return err
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	return unix.Mount(ns, file, "", unix.MS_BIND, "")
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

// users is the file of the user namespace that owns the network; "": none.
func (s *stepNetwork) users() string {
	if s.user == "" {
		return ""
	}
	return filepath.Join(s.user, filepath.Base(s.path))
}

// Set implements network.Namespace.
func (s *stepNetwork) Set(spec *specs.Spec) error {
	if u := s.users(); u != "" {
		unprivileged(spec, u)
	}
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

// Close gives the address back and takes the namespaces away.
func (s *stepNetwork) Close() error {
	err := s.cni.DelNetworkList(context.Background(), s.list, s.conf())
	if err != nil {
		err = fmt.Errorf("give back the address of a step: %w", err)
	}
	err = errors.Join(err, netns.LoadNetNS(s.path).Remove())
	if u := s.users(); u != "" {
		err = errors.Join(err, netns.LoadNetNS(u).Remove()) // it removes any kind
	}
	return err
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
