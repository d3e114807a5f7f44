package dns

import (
	"context"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

// underscores answers names with an underscore, which compose files are fond
// of and no Service may have: "my_db" is the Service my-db, as the compose room
// calls it. The answer is for the name that was asked.
type underscores struct {
	plugin.Handler
	domain string // "cluster.local."
}

// ServeDNS asks the next plugin for the name that a Service can have.
func (u underscores) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if len(r.Question) != 1 {
		return u.Handler.ServeDNS(ctx, w, r)
	}
	asked := r.Question[0].Name
	name := plainName(asked, u.domain)
	if name == asked {
		return u.Handler.ServeDNS(ctx, w, r)
	}
	r = r.Copy()
	r.Question[0].Name = name
	return u.Handler.ServeDNS(ctx, renamed{w, name, asked}, r)
}

// plainName replaces the underscores of a Service's label; a label that
// begins with one is the port or the protocol of an SRV record.
func plainName(name, domain string) string {
	rest, ok := strings.CutSuffix(strings.ToLower(name), ".svc."+domain)
	if !ok || !strings.Contains(rest, "_") {
		return name
	}
	labels := strings.Split(rest, ".")
	for i, l := range labels[:len(labels)-1] { // the last is the namespace
		if !strings.HasPrefix(l, "_") {
			labels[i] = strings.TrimRight(strings.ReplaceAll(l, "_", "-"), "-")
		}
	}
	return strings.Join(labels, ".") + ".svc." + domain
}

// renamed writes answers for one name under another.
type renamed struct {
	dns.ResponseWriter
	from, to string
}

func (w renamed) WriteMsg(m *dns.Msg) error {
	m = m.Copy()
	for i := range m.Question {
		m.Question[i].Name = w.name(m.Question[i].Name)
	}
	for _, rr := range m.Answer {
		rr.Header().Name = w.name(rr.Header().Name)
	}
	return w.ResponseWriter.WriteMsg(m)
}

func (w renamed) name(n string) string {
	if n == w.from {
		return w.to
	}
	return n
}
