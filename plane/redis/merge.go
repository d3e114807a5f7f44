package redis

import "fmt"

// A way in which replies of several shards become one.
type union uint8

const (
	added    union = iota // numbers, summed up
	same                  // equal ones, of which the first is taken
	arranged              // arrays, whose elements go where their keys stood
)

// A merge waits for the replies of several shards to one request.
type merge struct {
	c     *client
	seq   uint32
	class class
	how   union
	left  int
	sum   int
	bad   []byte   // the first error
	order []uint16 // the part of each element
	parts [][]byte // borrowed of the loop
}

// merge begins one, with the next place among c's replies.
func (c *client) merge(how union, cl class) *merge {
	var m *merge
	if k := len(c.s.merges); k > 0 {
		m = c.s.merges[k-1]
		c.s.merges = c.s.merges[:k-1]
	} else {
		m = new(merge)
	}
	*m = merge{c: c, seq: c.nextSlot(), class: cl, how: how, order: m.order[:0], parts: m.parts[:0]}
	return m
}

// add takes the reply of a part.
func (m *merge) add(i int, p []byte) {
	switch {
	case p[0] == '-':
		if m.bad == nil {
			m.bad = append([]byte(nil), p...)
		}
	case m.bad != nil:
	case m.how == added:
		n, next, err := number(p, 1)
		if p[0] != ':' || next == 0 || err != nil {
			m.bad = errorReply(fmt.Errorf("a shard answered %.20q where a number was due", p))
		}
		m.sum += n
	case m.how == same && len(m.parts) > 0:
	default:
		for len(m.parts) <= i {
			m.parts = append(m.parts, nil)
		}
		m.parts[i] = append(m.c.s.loop.Grow(nil, len(p)), p...)
	}
	m.one()
}

// fail takes the place of a reply that does not come.
func (m *merge) fail(err error) {
	if m.bad == nil {
		m.bad = errorReply(err)
		m.c.s.stats.failed[m.class]++
	}
	m.one()
}

// one counts a part; after the last, the client gets its reply.
func (m *merge) one() {
	if m.left--; m.left > 0 {
		return
	}
	s := m.c.s
	if !m.c.gone {
		m.c.complete(m.seq, m.result())
	}
	for i, p := range m.parts {
		s.loop.Return(p)
		m.parts[i] = nil
	}
	m.c = nil
	if len(s.merges) < 256 && cap(m.order) <= 4096 {
		s.merges = append(s.merges, m)
	}
}

func (m *merge) result() []byte {
	switch {
	case m.bad != nil:
		return m.bad
	case m.how == added:
		return fmt.Appendf(nil, ":%d\r\n", m.sum)
	case m.how == same:
		for _, p := range m.parts {
			if p != nil {
				return p
			}
		}
	}
	return m.arrange()
}

// arrange puts the elements of all parts in the order of their keys.
func (m *merge) arrange() []byte {
	size := 16
	rest := make([][]byte, len(m.parts))
	for i, p := range m.parts {
		if p == nil {
			continue
		}
		_, next, err := number(p, 1)
		if p[0] != '*' || next == 0 || err != nil {
			return errorReply(fmt.Errorf("a shard answered %.20q where an array was due", p))
		}
		rest[i] = p[next:]
		size += len(p)
	}
	out := header(m.c.s.scratch[:0], '*', len(m.order))
	var sc scanner
	for _, i := range m.order {
		if int(i) >= len(rest) || len(rest[i]) == 0 {
			return errorReply(fmt.Errorf("a shard answered with too few values"))
		}
		n := simple(rest[i])
		if n == 0 {
			sc = scanner{}
			if n, _, _ = sc.scan(rest[i]); n == 0 {
				return errorReply(fmt.Errorf("a shard answered with too few values"))
			}
		}
		out = append(out, rest[i][:n]...)
		rest[i] = rest[i][n:]
	}
	if cap(out) <= 1<<20 {
		m.c.s.scratch = out
	}
	return out
}
