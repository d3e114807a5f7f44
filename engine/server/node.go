package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"nagi.dev/engine/config"
	"nagi.dev/engine/dns"
	"nagi.dev/engine/kubelet"
	"nagi.dev/engine/netpol"
	"nagi.dev/engine/proxy"
	"nagi.dev/engine/servicelb"
	"nagi.dev/engine/storage"
	"nagi.dev/run"
)

// node is the process of what a machine does for its pods. The system's
// images and the walls of pods are in place before the kubelet may start one;
// the rest needs only the API server.
func node(ctx context.Context, c config.Config, log *slog.Logger) (func(context.Context) error, <-chan error, error) {
	client, err := clientset(c, "platform")
	if err != nil {
		return nil, nil, err
	}
	names, err := dns.New(dns.Options{
		Listen: []netip.AddrPort{netip.AddrPortFrom(config.BridgeIP, 53)}, Kubeconfig: c.Kubeconfig("platform"),
		Domain: config.Domain, Client: client, ServiceIP: config.ServiceDNS, Log: log,
	})
	if err != nil {
		return nil, nil, err
	}
	volumes, err := storage.New(storage.Options{Client: client, Dir: c.Dirs.Volumes(), Node: c.NodeName, Log: log})
	if err != nil {
		return nil, nil, err
	}
	balancer, err := servicelb.New(servicelb.Options{Client: client, Node: c.NodeName, Addresses: append([]netip.Addr{config.Loopback}, c.Listen...), Log: log})
	if err != nil {
		return nil, nil, err
	}
	walls, err := netpol.New(netpol.Options{Client: client, Pods: config.PodNet, Open: open(c), Socket: netpol.Socket(c.Dirs), Log: log})
	if err != nil {
		return nil, nil, err
	}
	agent, px := &kubelet.Part{Config: c}, &proxy.Part{Config: c}
	stop, err := run.Start(ctx, log,
		&systemImages{socket: c.Dirs.ContainerdSocket()},
		await{c, "platform"},
		walls,
		agent,
		px,
		names,
		volumes,
		balancer,
		&nodeReady{client, c.NodeName},
	)
	if err != nil {
		return nil, nil, err
	}
	return stop, first(agent, px), nil
}

// open lists what this machine serves to every pod, whatever a policy says:
// DNS, which no policy could name because no pod serves it, the API, and the
// platform.
func open(c config.Config) []netpol.Door {
	dns := netip.AddrPortFrom(config.BridgeIP, 53)
	doors := []netpol.Door{{Protocol: "udp", Addr: dns}, {Protocol: "tcp", Addr: dns}, {Protocol: "tcp", Addr: c.Door()}}
	for _, a := range c.APIAddresses() {
		if !a.IsLoopback() {
			doors = append(doors, netpol.Door{Protocol: "tcp", Addr: netip.AddrPortFrom(a, uint16(c.APIPort))})
		}
	}
	return doors
}

// A nodeReady is the Part that is ready once the API says so of the node.
type nodeReady struct {
	client kubernetes.Interface
	name   string
}

func (*nodeReady) Name() string                { return "node" }
func (*nodeReady) Start(context.Context) error { return nil }
func (*nodeReady) Stop(context.Context) error  { return nil }

func (n *nodeReady) Ready(ctx context.Context) error {
	for {
		node, err := n.client.CoreV1().Nodes().Get(ctx, n.name, metav1.GetOptions{})
		if err == nil && conditionTrue(node) {
			return n.mark(ctx, node)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for node %s: %w", n.name, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// controlPlane is the label by which the cluster knows the machines that rule
// it; compose's "node.role == manager" asks for it. A kubelet may not set it.
const controlPlane = "node-role.kubernetes.io/control-plane"

// mark labels the node of a server.
func (n *nodeReady) mark(ctx context.Context, node *corev1.Node) error {
	if _, ok := node.Labels[controlPlane]; ok {
		return nil
	}
	patch := []byte(`{"metadata":{"labels":{"` + controlPlane + `":""}}}`)
	if _, err := n.client.CoreV1().Nodes().Patch(ctx, n.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("label node %s: %w", n.name, err)
	}
	return nil
}

func conditionTrue(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
