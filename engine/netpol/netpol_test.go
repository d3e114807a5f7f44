package netpol

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/knftables"
)

// start runs an enforcer over an API that holds what world holds.
func start(t *testing.T, s State) (*fake.Clientset, *knftables.Fake, string) {
	t.Helper()
	client := fake.NewClientset()
	for _, p := range s.Pods {
		must(t, client.Tracker().Add(p))
	}
	for _, n := range s.Namespaces {
		must(t, client.Tracker().Add(n))
	}
	for _, n := range s.Policies {
		must(t, client.Tracker().Add(n))
	}
	socket := filepath.Join(t.TempDir(), "s")
	nft, _ := startOver(t, client, socket)
	return client, nft, socket
}

// startOver runs an enforcer over an API, on a machine without any walls.
func startOver(t *testing.T, client *fake.Clientset, socket string) (*knftables.Fake, *Enforcer) {
	t.Helper()
	nft := knftables.NewFake(knftables.IPv4Family, Table)
	e, err := New(Options{Client: client, Pods: netip.MustParsePrefix("10.42.0.0/16"), Socket: socket, Firewall: nft})
	must(t, err)
	must(t, e.Start(t.Context()))
	t.Cleanup(func() { must(t, e.Stop(context.Background())) })
	must(t, e.Ready(t.Context()))
	return nft, e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask asks as nagi-wall does.
func ask(t *testing.T, socket string, q Question) string {
	t.Helper()
	c, err := net.Dial("unix", socket)
	must(t, err)
	defer c.Close()
	must(t, json.NewEncoder(c).Encode(q))
	b, err := io.ReadAll(c)
	must(t, err)
	return string(b)
}

func TestANewPodIsHeldUntilItsWallsStand(t *testing.T) {
	s := world()
	s.Policies = []*networkingv1.NetworkPolicy{denyAll("z")}
	client, nft, socket := start(t, s)
	addr := netip.MustParseAddr("10.42.0.31")
	if got := ask(t, socket, Question{Pod: "z-new", Addr: addr}); got != "ok" {
		t.Fatalf("the gate says %q", got)
	}
	if walls(nft, addr) == "" {
		t.Errorf("the pod was let in without walls:\n%s", nft.Dump())
	}
	// The API tells of the pod later than the kubelet starts it.
	answer := make(chan string)
	go func() { answer <- ask(t, socket, Question{Pod: "z-late", Addr: netip.MustParseAddr("10.42.0.32")}) }()
	_, err := client.CoreV1().Pods("z").Create(t.Context(), podWith("z/late", ""), metav1.CreateOptions{})
	must(t, err)
	if got := <-answer; got != "ok" {
		t.Errorf("the gate says %q", got)
	}
	if got := ask(t, socket, Question{Pod: "z-new", Addr: addr, Gone: true}); got != "ok" {
		t.Errorf("the gate says %q", got)
	}
}

// walls returns the chain that judges connections to the pod.
func walls(nft *knftables.Fake, a netip.Addr) string {
	nft.RLock()
	defer nft.RUnlock()
	if nft.Table == nil || nft.Table.Maps[ingressMap] == nil {
		return ""
	}
	for _, e := range nft.Table.Maps[ingressMap].Elements {
		if e.Key[0] == a.String() {
			return e.Value[0]
		}
	}
	return ""
}

func TestWithoutAPolicyNoPodIsWatchedAndAllPass(t *testing.T) {
	client, nft, socket := start(t, world())
	if got := ask(t, socket, Question{Pod: "z-new", Addr: netip.MustParseAddr("10.42.0.31")}); got != "ok" {
		t.Errorf("the gate says %q", got)
	}
	for _, a := range client.Actions() {
		if r := a.GetResource().Resource; r != "networkpolicies" {
			t.Errorf("without a policy the API is asked for %s", r)
		}
	}
	if nft.Table != nil {
		t.Errorf("without a policy there is a table:\n%s", nft.Dump())
	}
}

func TestAPodOfAMomentAgoHasWallsAfterTheProcessDied(t *testing.T) {
	s := world()
	s.Policies = []*networkingv1.NetworkPolicy{denyAll("z")}
	client, _, socket := start(t, s)
	addr, gone := netip.MustParseAddr("10.42.0.31"), netip.MustParseAddr("10.42.0.33")
	for _, q := range []Question{{Pod: "z-new", Addr: addr}, {Pod: "z-new", Addr: gone}, {Pod: "z-new", Addr: gone, Gone: true}} {
		if got := ask(t, socket, q); got != "ok" {
			t.Fatalf("the gate says %q", got)
		}
	}
	nft, e := startOver(t, client, socket) // the first one never said that it ends
	if walls(nft, addr) == "" {
		t.Errorf("the pod, whose address the API does not tell, has no walls:\n%s", nft.Dump())
	}
	if walls(nft, gone) != "" {
		t.Errorf("an address that was given back has walls:\n%s", nft.Dump())
	}
	if got := ask(t, socket, Question{Pod: "z-new", Addr: addr, Gone: true}); got != "ok" {
		t.Fatalf("the gate says %q", got)
	}
	must(t, e.Stop(t.Context()))
	if nft, _ := startOver(t, client, socket); walls(nft, addr) != "" {
		t.Errorf("an address that was given back after the start has walls:\n%s", nft.Dump())
	}
}

func TestAMemoryThatCannotBeReadIsNone(t *testing.T) {
	client, _, _ := start(t, world())
	socket := filepath.Join(t.TempDir(), "s")
	must(t, os.WriteFile(socket+".json", []byte("{"), 0o600))
	startOver(t, client, socket)
	if got := ask(t, socket, Question{Pod: "z-new", Addr: netip.MustParseAddr("10.42.0.31")}); got != "ok" {
		t.Errorf("the gate says %q", got)
	}
}

func TestSlimPodsKeepWhatWallsNeed(t *testing.T) {
	s := world()
	s.Policies = policies(t, "testdata/ports, ranges, names and protocols.yaml")
	want := dump(Decide(s))
	for i, p := range s.Pods {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Image: "big", Ports: []corev1.ContainerPort{{ContainerPort: 5}}})
		o, err := slim(p)
		must(t, err)
		s.Pods[i] = o.(*corev1.Pod)
	}
	if got := dump(Decide(s)); got != want {
		t.Errorf("slim pods have walls\n%s\nwhole ones\n%s", got, want)
	}
}
