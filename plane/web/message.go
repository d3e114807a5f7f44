package web

import (
	"bytes"
	"net/http"
	"net/netip"
	"strings"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/config"
	"nagi.dev/plane/http1"
)

// A message is a request as policies see it, whichever road it came by.
type message struct {
	head *http1.Head // on the loop
	buf  []byte
	req  *http.Request // on goroutines
	peer netip.Addr
}

func (m *message) method() []byte {
	if m.head != nil {
		return m.head.Method
	}
	return []byte(m.req.Method)
}

func (m *message) host() []byte {
	if m.head != nil {
		return m.head.Host
	}
	return []byte(m.req.Host)
}

func (m *message) target() []byte {
	if m.head != nil {
		return m.head.Target
	}
	return []byte(m.req.URL.RequestURI())
}

// path is the target without its query, as it was written.
func (m *message) path() []byte {
	p, _, _ := bytes.Cut(m.target(), []byte{'?'})
	if len(p) == 0 {
		return []byte{'/'}
	}
	return p
}

// header returns the first value of a field, by its name in lower case.
func (m *message) header(lower string) ([]byte, bool) {
	if m.head != nil {
		f, ok := m.head.Find(m.buf, lower)
		if !ok {
			return nil, false
		}
		return f.Value(m.buf), true
	}
	v := m.req.Header.Values(lower)
	if len(v) == 0 {
		return nil, false
	}
	return []byte(v[0]), true
}

func (m *message) cookie(name string) (string, bool) {
	if m.head == nil {
		c, err := m.req.Cookie(name)
		if err != nil {
			return "", false
		}
		return c.Value, true
	}
	for i := range m.head.Fields {
		f := &m.head.Fields[i]
		if f.Kind != http1.Cookie {
			continue
		}
		for pair := range bytes.SplitSeq(f.Value(m.buf), []byte{';'}) {
			k, v, _ := bytes.Cut(bytes.TrimSpace(pair), []byte{'='})
			if string(k) == name {
				return string(v), true
			}
		}
	}
	return "", false
}

// query returns a parameter as it was written.
func (m *message) query(name string) ([]byte, bool) {
	_, q, _ := bytes.Cut(m.target(), []byte{'?'})
	for pair := range bytes.SplitSeq(q, []byte{'&'}) {
		if k, v, _ := bytes.Cut(pair, []byte{'='}); string(k) == name {
			return v, true
		}
	}
	return nil, false
}

// forwarded returns all X-Forwarded-For as one list.
func (m *message) forwarded() []string {
	var all []string
	add := func(v string) {
		for a := range strings.SplitSeq(v, ",") {
			all = append(all, strings.TrimSpace(a))
		}
	}
	if m.head == nil {
		for _, v := range m.req.Header.Values("X-Forwarded-For") {
			add(v)
		}
		return all
	}
	for i := range m.head.Fields {
		if f := &m.head.Fields[i]; f.Kind == http1.XForwardedFor {
			add(string(f.Value(m.buf)))
		}
	}
	return all
}

// address is the client's: the peer's, or with trusted proxies in front the
// one that the outermost of them saw.
func (m *message) address(hops int) netip.Addr {
	if hops == 0 {
		return m.peer
	}
	all := m.forwarded()
	if len(all) == 0 {
		return m.peer
	}
	a, err := netip.ParseAddr(all[max(len(all)-hops, 0)])
	if err != nil {
		return m.peer
	}
	return a.Unmap()
}

// addressKey is an address as the key of policies. Who has an IPv6 network of
// the usual size is one client.
func addressKey(a netip.Addr) []byte {
	if a.Is4() {
		b := a.As4()
		return b[:]
	}
	b := a.As16()
	return b[:8]
}

// A key says what rings place by.
type key struct{ kind, name string }

func newKey(s string) key {
	kind, name, _ := strings.Cut(s, ":")
	if kind == "header" {
		name = strings.ToLower(name)
	}
	return key{kind, name}
}

func (k key) of(m *message, hops int) []byte {
	var v []byte
	switch k.kind {
	case "query":
		v, _ = m.query(k.name)
	case "header":
		v, _ = m.header(k.name)
	case "cookie":
		s, _ := m.cookie(k.name)
		v = []byte(s)
	case "address":
		v = addressKey(m.address(hops))
	default:
		v = m.path()
	}
	return v
}

// A sticky is a config.Sticky with its defaults.
type sticky struct {
	by, name string
	spec     *config.Sticky
}

func newSticky(spec *config.Sticky) sticky {
	if spec == nil {
		return sticky{}
	}
	s := sticky{by: spec.By, name: spec.Name, spec: spec}
	if s.by == "cookie" && s.name == "" {
		s.name = "nagi"
	}
	if s.by == "header" {
		s.name = strings.ToLower(s.name)
	}
	return s
}

// place finds the arm of a request and where the client belongs in it. known
// says that its cookie told so.
func (r *route) place(m *message, hops int, chance func() uint64) (arm int, home balance.Sticky, known bool) {
	switch r.sticky.by {
	case "cookie":
		if c, ok := m.cookie(r.sticky.name); ok {
			if arm, home, ok := r.split.Place(c); ok {
				return arm, home, true
			}
		}
	case "address":
		v := balance.Hash(addressKey(m.address(hops)))
		return r.split.Arm(v), balance.Sticky{Value: v}, true
	case "header":
		if v, ok := m.header(r.sticky.name); ok {
			h := balance.Hash(v)
			return r.split.Arm(h), balance.Sticky{Value: h}, true
		}
	}
	if len(r.arms) == 1 {
		return 0, balance.Sticky{}, false
	}
	return r.split.Arm(chance()), balance.Sticky{}, false
}

// allow asks a rate limit; the wait is in whole seconds, at least one.
func (l *limit) allow(m *message, hops int, e nower) (ok bool, wait int) {
	if l == nil {
		return true, 0
	}
	var k []byte
	switch {
	case l.each:
		k = addressKey(m.address(hops))
	case l.header != "":
		k, _ = m.header(l.header)
	}
	ok, d := l.Allow(k, e.now())
	return ok, int(d.Seconds()) + 1
}
