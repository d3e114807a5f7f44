package servicelb

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/knftables"

	"nagi.dev/internal/kubetest"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

// A bench is a load balancer at work on a namespace of its own.
type bench struct {
	*testing.T
	c  kubernetes.Interface
	ns string
}

func newBench(t *testing.T) bench {
	t.Helper()
	cfg := kubetest.Start(t)
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return bench{t, c, kubetest.Namespace(t, cfg, "servicelb")}
}

// start runs the part for as long as the test lasts.
func (b bench) start() *Balancer {
	b.Helper()
	lb, err := New(Options{
		Client: b.c, Node: "here", Log: slog.New(slog.DiscardHandler),
		Firewall: knftables.NewFake(knftables.IPv4Family, table),
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := lb.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { b.stop(lb) })
	if err := lb.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	return lb
}

func (b bench) stop(lb *Balancer) {
	if err := lb.Stop(context.Background()); err != nil {
		b.Error(err)
	}
}

// create makes a Service that publishes the door's port.
func (b bench) create(name string, at Door) {
	b.Helper()
	_, err := b.c.CoreV1().Services(b.ns).Create(b.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.ServiceSpec{
			Type:  corev1.ServiceTypeLoadBalancer,
			Ports: []corev1.ServicePort{{Port: int32(at.Addr.Port())}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
}

// shows waits until the status of the Service names the addresses.
func (b bench) shows(name, want string) {
	b.Helper()
	w, err := b.c.CoreV1().Services(b.ns).Watch(b.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		b.Fatal(err)
	}
	b.until(w, func(o watch.Event) bool {
		var ips []string
		for _, i := range o.Object.(*corev1.Service).Status.LoadBalancer.Ingress {
			ips = append(ips, i.IP)
		}
		return strings.Join(ips, " ") == want
	})
}

// says waits for a warning about the Service.
func (b bench) says(name, want string) {
	b.Helper()
	w, err := b.c.CoreV1().Events(b.ns).Watch(b.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=" + name})
	if err != nil {
		b.Fatal(err)
	}
	b.until(w, func(o watch.Event) bool { return o.Object.(*corev1.Event).Message == want })
}

func (b bench) until(w watch.Interface, ok func(watch.Event) bool) {
	b.Helper()
	defer w.Stop()
	for limit := time.After(time.Minute); ; {
		select {
		case e := <-w.ResultChan():
			if ok(e) {
				return
			}
		case <-limit:
			b.Fatal("it did not come to that in a minute")
		}
	}
}

func TestServiceHasItsAddressAsLongAsItIsALoadBalancer(t *testing.T) {
	b, at := newBench(t), freePort(t, corev1.ProtocolTCP)
	b.start()
	b.create("web", at)
	b.shows("web", "127.0.0.1")
	if _, err := ask(t, at, "x"); err == nil {
		t.Error("a Service without endpoints answers")
	}
	patch := []byte(`{"spec":{"type":"ClusterIP"}}`)
	if _, err := b.c.CoreV1().Services(b.ns).Patch(t.Context(), "web", "application/merge-patch+json", patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	b.shows("web", "")
}

func TestPortOfAnotherProcessIsLeftAloneUntilItIsFree(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := Door{corev1.ProtocolTCP, l.Addr().(*net.TCPAddr).AddrPort()}
	b.start()
	b.create("web", at)
	b.says("web", faultOf(at, syscall.EADDRINUSE))
	b.create("younger", at)
	b.says("younger", fmt.Sprintf("port %d of 127.0.0.1 belongs to Service %s/web, which is older", at.Addr.Port(), b.ns))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b.shows("web", "127.0.0.1")
	if err := b.c.CoreV1().Services(b.ns).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.shows("younger", "127.0.0.1")
}

func TestBalancerStopsAndStartsAgain(t *testing.T) {
	b, at := newBench(t), freePort(t, corev1.ProtocolTCP)
	b.create("web", at)
	b.stop(b.start())
	l, err := net.Listen("tcp", at.Addr.String())
	if err != nil {
		t.Fatalf("the port is still held: %v", err)
	}
	l.Close()
	b.start()
	b.shows("web", "127.0.0.1")
}

func TestOptionsNameEveryFault(t *testing.T) {
	_, err := New(Options{Addresses: []netip.Addr{netip.IPv4Unspecified()}})
	want := "configure servicelb: Client is required\nNode is required\nAddresses: 0.0.0.0 is not one address of this machine"
	if err == nil || err.Error() != want {
		t.Errorf("err = %v", err)
	}
}
