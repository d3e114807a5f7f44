package dns

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func addrs(texts ...string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, t := range texts {
		out = append(out, netip.MustParseAddrPort(t))
	}
	return out
}

func texts(in []netip.AddrPort) []string {
	var out []string
	for _, a := range in {
		out = append(out, a.String())
	}
	return out
}

func TestResolvers(t *testing.T) {
	o := Options{Listen: addrs("10.42.0.1:53", "127.0.0.1:53")}.withDefaults()
	for _, tt := range []struct {
		name string
		text string
		want []string
	}{
		{"an empty file means nobody", "", nil},
		{
			"comments, options and nonsense are passed over",
			"# nameserver 1.1.1.1\noptions edns0\nsearch a b\nnameserver\nnameserver banana\nnameserver 9.9.9.9\n",
			[]string{"9.9.9.9:53"},
		},
		{
			"the order of the file is kept and a repetition is not",
			"nameserver 9.9.9.9\nnameserver 1.1.1.1\nnameserver 9.9.9.9\n",
			[]string{"9.9.9.9:53", "1.1.1.1:53"},
		},
		{
			"the machine's stub on another loopback address is asked",
			"nameserver 127.0.0.53\n",
			[]string{"127.0.0.53:53"},
		},
		{
			"this server never asks itself, not by its Service either",
			"nameserver 10.42.0.1\nnameserver 127.0.0.1\nnameserver 10.43.0.10\n", nil,
		},
		{
			"IPv6 works, with a trailing comment too",
			"nameserver 2606:4700::1111 # home\nnameserver 0.0.0.0\n",
			[]string{"[2606:4700::1111]:53"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, texts(others(parseResolvConf(tt.text), o))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCorefileForwardsOnlyWhereSomebodyAnswers(t *testing.T) {
	o := Options{Listen: addrs("10.42.0.1:53"), Kubeconfig: "/a b/kubeconfig"}.withDefaults()
	alone := corefile(o, nil)
	if strings.Contains(alone, "forward") || strings.Contains(alone, "fallthrough") {
		t.Errorf("forwards to nobody:\n%s", alone)
	}
	if !strings.Contains(alone, `kubeconfig "/a b/kubeconfig"`) {
		t.Errorf("a path with a blank is not quoted:\n%s", alone)
	}
	if c := corefile(o, addrs("9.9.9.9:53", "[::1]:53")); !strings.Contains(c, "forward . 9.9.9.9:53 [::1]:53 {") {
		t.Errorf("does not forward:\n%s", c)
	}
}

func TestOptionsNameEveryFault(t *testing.T) {
	_, err := New(Options{Listen: addrs("10.42.0.1:53", "127.0.0.1:54")})
	want := "configure dns: Kubeconfig is required\nListen 127.0.0.1:54: every address needs port 53"
	if err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

func TestEndpointsAreTheListeningAddressesWithoutLoopback(t *testing.T) {
	o := Options{Listen: addrs("10.42.0.1:53", "127.0.0.1:53", "[fd00::1]:53")}.withDefaults()
	got := map[string][]string{}
	for _, s := range endpointSlices(o) {
		for _, e := range s.Endpoints {
			got[*s.Name] = append(got[*s.Name], e.Addresses...)
		}
	}
	want := map[string][]string{"kube-dns": {"10.42.0.1"}, "kube-dns-ipv6": {"fd00::1"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
