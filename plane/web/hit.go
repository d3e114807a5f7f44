package web

import (
	"bytes"
	"net/http"
	"strconv"

	"nagi.dev/plane/cache"
	"nagi.dev/plane/http1"
)

// A wire is the head of a stored answer as one route sends it, up to the digits
// of its age.
type wire struct {
	route *route
	head  []byte
}

func newWire(r *route, e *cache.Entry) *wire {
	h := e.Header.Clone()
	h.Del("Age")
	h.Del("Content-Length")
	r.answer.apply(h)
	h.Set("Cache-Status", "nagi; hit")
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status) + "\r\n")
	_ = h.Write(&b) // to memory
	if e.Status != http.StatusNoContent {
		b.WriteString("Content-Length: " + strconv.Itoa(len(e.Body)) + "\r\n")
	}
	b.WriteString("Age: ")
	return &wire{r, b.Bytes()}
}

// hit answers on the loop what is plainly fresh: a GET without conditions, of
// an answer without variants. All else goes the long way.
func (c *client) hit(h *http1.Head, m *message, site *site, r *route) bool {
	if r.store == nil || len(r.store.spec.KeyHeaders) > 0 || r.sticky.by == "cookie" || string(h.Method) != "GET" || !plain(h, m.buf) {
		return false
	}
	s := c.s
	now := s.now()
	s.add = appendKey(s.add[:0], h)
	e := r.store.Peek(s.add, now)
	if e == nil {
		return false
	}
	if status, reason, wait := admit(site, r, m, 0, s); status != 0 {
		c.answerAfter(status, reason, r, wait, false)
		if c.ends {
			c.c.Finish()
		}
		return true
	}
	w, _ := e.Wire.Load().(*wire)
	if w == nil || w.route != r {
		w = newWire(r, e)
		e.Wire.Store(w)
	}
	s.out = append(s.out[:0], w.head...)
	s.out = append(strconv.AppendInt(s.out, int64(e.Age(now).Seconds()), 10), "\r\n"...)
	if c.ends {
		s.out = append(s.out, "Connection: close\r\n"...)
	}
	s.out = append(s.out, "\r\n"...)
	c.c.Write(s.out)
	c.send(e.Body)
	r.stats.hits.add()
	r.stats.count(e.Status, 0)
	if c.ends {
		c.c.Finish()
	} else {
		c.within(site.idleTimeout)
		if c.c.Full(tooFull) {
			c.c.Pause() // who does not read his answers gets no more of them
		}
	}
	return true
}

// appendKey is store.key for a head.
func appendKey(dst []byte, h *http1.Head) []byte {
	for _, b := range h.Host {
		if b >= 'A' && b <= 'Z' {
			b |= 0x20
		}
		dst = append(dst, b)
	}
	dst = append(dst, ' ')
	if len(h.Target) == 0 || h.Target[0] == '?' {
		dst = append(dst, '/')
	}
	return append(dst, h.Target...)
}

// plain reports that no field of a request has a say in what it may get.
func plain(h *http1.Head, buf []byte) bool {
	for i := range h.Fields {
		name := h.Fields[i].Name(buf)
		switch name[0] | 0x20 {
		case 'c':
			if http1.EqualFold(name, "cache-control") {
				return false
			}
		case 'i':
			if len(name) > 3 && http1.EqualFold(name[:3], "if-") {
				return false
			}
		case 'p':
			if http1.EqualFold(name, "pragma") {
				return false
			}
		case 'r':
			if http1.EqualFold(name, "range") {
				return false
			}
		}
	}
	return true
}
