package netpol

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// A State is what the walls depend on.
type State struct {
	Policies   []*networkingv1.NetworkPolicy
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Addresses  map[netip.Addr]types.UID // pods of this machine, known before the API tells their address
}

// Walls is what the kernel is to hold. The zero Walls means: nothing, not even
// a table.
type Walls struct {
	Ingress map[netip.Addr]string // pod: the chain that judges connections to it
	Egress  map[netip.Addr]string // pod: the chain that judges connections it begins
	Chains  map[string]Chain
	Sets    map[string]Set
}

// A Chain judges for all pods that the same policies select. A packet that
// comes back from it may pass.
type Chain struct {
	About string // the policies
	Rules []string
}

// A Set is named in rules; a change of pods is a change of its elements.
type Set struct {
	About    string // what it selects
	Type     string
	Elements []string // sorted; the parts of one are joined by " . "
}

// Empty tells whether there is nothing to hold.
func (w Walls) Empty() bool { return len(w.Ingress)+len(w.Egress) == 0 }

// Decide returns the walls of the policies. Pods that share the machine's
// network are neither selected nor peers, as are those that have ended: their
// address may be another's.
func Decide(s State) Walls {
	d := &decision{
		state: s, pods: located(s), spaces: map[string]labels.Set{},
		walls: Walls{Ingress: map[netip.Addr]string{}, Egress: map[netip.Addr]string{}, Chains: map[string]Chain{}, Sets: map[string]Set{}},
	}
	for _, n := range s.Namespaces {
		d.spaces[n.Name] = n.Labels
	}
	for _, dir := range []direction{ingress, egress} {
		for _, p := range d.pods {
			d.enclose(dir, p)
		}
	}
	if d.walls.Empty() {
		return Walls{}
	}
	d.self()
	return d.walls
}

// A decision gathers the walls.
type decision struct {
	state  State
	pods   []pod // sorted by address
	spaces map[string]labels.Set
	walls  Walls
}

// A pod is one with an address of its own.
type pod struct {
	*corev1.Pod
	addr netip.Addr
}

// located finds each pod's address. What the machine itself knows is newer
// than what the API tells; of two pods that name one address the younger has
// it.
func located(s State) []pod {
	owners := map[netip.Addr]*corev1.Pod{}
	claim := func(a netip.Addr, p *corev1.Pod) {
		if o := owners[a]; o == nil || o.CreationTimestamp.Before(&p.CreationTimestamp) {
			owners[a] = p
		}
	}
	byUID := map[types.UID]*corev1.Pod{}
	for _, p := range s.Pods {
		if p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		byUID[p.UID] = p
		a, err := netip.ParseAddr(p.Status.PodIP)
		if _, ours := s.Addresses[a]; err == nil && a.Is4() && !ours {
			claim(a, p)
		}
	}
	for a, uid := range s.Addresses {
		if p := byUID[uid]; p != nil {
			claim(a, p)
		}
	}
	var out []pod
	for a, p := range owners {
		out = append(out, pod{p, a})
	}
	slices.SortFunc(out, func(a, b pod) int { return a.addr.Compare(b.addr) })
	return out
}

// enclose gives the pod the chain of the policies that select it.
func (d *decision) enclose(dir direction, p pod) {
	policies := d.selecting(dir, p)
	if len(policies) == 0 {
		return
	}
	names := make([]string, len(policies))
	for i, n := range policies {
		names[i] = n.Namespace + "/" + n.Name
	}
	about := strings.Join(names, " ")
	chain := dir.prefix + short(about)
	if _, there := d.walls.Chains[chain]; !there {
		d.walls.Chains[chain] = Chain{About: about, Rules: d.rules(dir, policies)}
	}
	dir.walls(d.walls)[p.addr] = chain
}

// selecting returns the policies that isolate the pod in the direction, sorted
// by name.
func (d *decision) selecting(dir direction, p pod) []*networkingv1.NetworkPolicy {
	var out []*networkingv1.NetworkPolicy
	for _, n := range d.state.Policies {
		if n.Namespace == p.Namespace && dir.concerns(n) && selector(&n.Spec.PodSelector).Matches(labels.Set(p.Labels)) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b *networkingv1.NetworkPolicy) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// self lets every isolated pod reach itself through a Service: no policy can
// forbid that.
func (d *decision) self() {
	s := Set{About: "a pod reaches itself", Type: "ipv4_addr . ipv4_addr"}
	for _, p := range d.pods {
		if d.walls.Ingress[p.addr] != "" || d.walls.Egress[p.addr] != "" {
			s.Elements = append(s.Elements, p.addr.String()+" . "+p.addr.String())
		}
	}
	d.walls.Sets[selfSet] = s
}

// selector matches nothing when it is malformed, which the API server refuses.
func selector(s *metav1.LabelSelector) labels.Selector {
	out, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return labels.Nothing()
	}
	return out
}

// short is a name that fits the kernel's limits and depends on text alone.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
