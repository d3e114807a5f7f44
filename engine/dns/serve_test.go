package dns

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"nagi.dev/internal/kubetest"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

// kubeconfig writes cfg to a file.
func kubeconfig(t *testing.T, cfg *rest.Config) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	c := api.NewConfig()
	c.Clusters["a"] = &api.Cluster{Server: cfg.Host, CertificateAuthority: cfg.CAFile, CertificateAuthorityData: cfg.CAData}
	c.AuthInfos["a"] = &api.AuthInfo{
		ClientCertificate: cfg.CertFile, ClientCertificateData: cfg.CertData,
		ClientKey: cfg.KeyFile, ClientKeyData: cfg.KeyData, Token: cfg.BearerToken,
	}
	c.Contexts["a"] = &api.Context{Cluster: "a", AuthInfo: "a"}
	c.CurrentContext = "a"
	if err := clientcmd.WriteToFile(*c, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// freePort returns an address whose port nobody has at this moment, for
// datagrams nor for connections.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	for range 20 {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		addr := c.LocalAddr().(*net.UDPAddr).AddrPort()
		l, err := net.Listen("tcp", addr.String())
		c.Close()
		if err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return netip.AddrPort{}
}

// upstream answers every name with 192.0.2.1.
func upstream(t *testing.T) netip.AddrPort {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		rr, err := dns.NewRR(q.Question[0].Name + " 60 IN A 192.0.2.1")
		if err != nil {
			return
		}
		a.Answer = append(a.Answer, rr)
		_ = w.WriteMsg(a)
	})}
	up := make(chan struct{})
	s.NotifyStartedFunc = func() { close(up) }
	go func() { _ = s.ActivateAndServe() }()
	<-up
	t.Cleanup(func() { _ = s.ShutdownContext(context.Background()) })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// serve runs a server for as long as the test lasts.
func serve(t *testing.T, cfg *rest.Config, upstream []netip.AddrPort) *Server {
	t.Helper()
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{
		Listen: []netip.AddrPort{freePort(t)}, Kubeconfig: kubeconfig(t, cfg), Client: client,
		Upstream: upstream, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	t.Cleanup(func() { stop(t, s) })
	return s
}

func start(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// ask returns the answer's code and records without their header.
func ask(t *testing.T, s *Server, network, name string, kind uint16) []string {
	t.Helper()
	c := dns.Client{Net: network, Timeout: 5 * time.Second}
	got, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, kind), s.o.Listen[0].String())
	if err != nil {
		t.Fatalf("ask for %s: %v", name, err)
	}
	if len(got.Question) != 1 || got.Question[0].Name != name {
		t.Errorf("asked for %s, the answer is for %v", name, got.Question)
	}
	out := []string{dns.RcodeToString[got.Rcode]}
	for _, rr := range got.Answer {
		out = append(out, rr.String()[len(rr.Header().String()):])
	}
	return out
}

// twoServices makes a Service, a headless Service with a named endpoint, and
// returns their namespace and the address of the first.
func twoServices(t *testing.T, cfg *rest.Config) (ns, ip string) {
	t.Helper()
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ns = kubetest.Namespace(t, cfg, "dns")
	ports := []corev1.ServicePort{{Name: "http", Port: 80}}
	web, err := c.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Ports: ports},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "db"}, Spec: corev1.ServiceSpec{ClusterIP: "None", Ports: ports},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	host, name, port := "db-0", "http", int32(80)
	if _, err := c.DiscoveryV1().EndpointSlices(ns).Create(t.Context(), &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "db-1", Labels: map[string]string{discoveryv1.LabelServiceName: "db"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.42.0.77"}, Hostname: &host}},
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return ns, web.Spec.ClusterIP
}

// hyphenedService makes the Service my-web and returns its address.
func hyphenedService(t *testing.T, cfg *rest.Config, ns string) string {
	t.Helper()
	c, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "my-web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Spec.ClusterIP
}

func TestServerAnswers(t *testing.T) {
	cfg := kubetest.Start(t)
	ns, ip := twoServices(t, cfg)
	s := serve(t, cfg, []netip.AddrPort{upstream(t)})
	hyphened := hyphenedService(t, cfg, ns)
	reverse, err := dns.ReverseAddr(ip)
	if err != nil {
		t.Fatal(err)
	}
	zone := "." + ns + ".svc.cluster.local."
	for _, tt := range []struct {
		name string
		ask  string
		kind uint16
		want []string
	}{
		{"a Service by its name", "web" + zone, dns.TypeA, []string{"NOERROR", ip}},
		{"a Service without IPv6 has no such address, but exists", "web" + zone, dns.TypeAAAA, []string{"NOERROR"}},
		{"a Service's port", "_http._tcp.web" + zone, dns.TypeSRV, []string{"NOERROR", "0 100 80 web" + zone}},
		{"a Service by its address", reverse, dns.TypePTR, []string{"NOERROR", "web" + zone}},
		{"a headless Service by its endpoints", "db" + zone, dns.TypeA, []string{"NOERROR", "10.42.0.77"}},
		{"an endpoint by its host name", "db-0.db" + zone, dns.TypeA, []string{"NOERROR", "10.42.0.77"}},
		{"a pod by its address", "10-42-0-9." + ns + ".pod.cluster.local.", dns.TypeA, []string{"NOERROR", "10.42.0.9"}},
		{"a Service by the name that a compose file has for it", "my_web" + zone, dns.TypeA, []string{"NOERROR", hyphened}},
		{"a Service that is none, with an underscore", "no_body" + zone, dns.TypeA, []string{"NXDOMAIN"}},
		{"a Service that is none", "nobody" + zone, dns.TypeA, []string{"NXDOMAIN"}},
		{"a name outside, by the machine's resolver", "example.com.", dns.TypeA, []string{"NOERROR", "192.0.2.1"}},
		{"the server's own Service", "kube-dns.kube-system.svc.cluster.local.", dns.TypeA, []string{"NOERROR", "10.43.0.10"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				if d := cmp.Diff(tt.want, ask(t, s, network, tt.ask, tt.kind)); d != "" {
					t.Errorf("%s: %s", network, d)
				}
			}
		})
	}
}

func TestServerStopsAndStartsAgain(t *testing.T) {
	cfg := kubetest.Start(t)
	ns, ip := twoServices(t, cfg)
	s := serve(t, cfg, []netip.AddrPort{upstream(t)})
	for range 2 {
		stop(t, s)
		start(t, s)
	}
	if d := cmp.Diff([]string{"NOERROR", ip}, ask(t, s, "udp", "web."+ns+".svc.cluster.local.", dns.TypeA)); d != "" {
		t.Error(d)
	}
}

func TestResolversAreReplacedWhileServing(t *testing.T) {
	s := serve(t, kubetest.Start(t), []netip.AddrPort{})
	if d := cmp.Diff([]string{"SERVFAIL"}, ask(t, s, "udp", "example.com.", dns.TypeA)); d != "" {
		t.Errorf("with nobody to ask: %s", d)
	}
	if err := s.replace([]netip.AddrPort{upstream(t)}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"NOERROR", "192.0.2.1"}, ask(t, s, "udp", "example.org.", dns.TypeA)); d != "" {
		t.Error(d)
	}
}
