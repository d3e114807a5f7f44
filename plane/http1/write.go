package http1

import "bytes"

// An Edit is what a proxy changes in a head besides what belongs to the
// connection, which never passes.
type Edit struct {
	Drop []string // names in lower case
	Add  []byte   // whole lines, with CR LF
}

// A Client is what a request says of where it came from.
type Client struct {
	Address []byte // of the peer, without port
	Proto   []byte // http or https
	Trusted bool   // the peer is a proxy that is believed
}

// AppendRequest appends the head as it goes on to a server.
func (h *Head) AppendRequest(dst, buf []byte, c *Client, e *Edit) []byte {
	dst = append(append(dst, h.Method...), ' ')
	switch {
	case len(h.Target) == 0 && string(h.Method) == "OPTIONS":
		dst = append(dst, '*')
	case len(h.Target) == 0 || h.Target[0] == '?':
		dst = append(dst, '/')
	}
	dst = append(append(dst, h.Target...), " HTTP/1.1\r\n"...)
	if h.absolute || h.Minor == 0 && h.framed.hosts == 0 {
		dst = appendLine(dst, "Host: ", h.Host)
	}
	dst = h.appendFields(dst, buf, e, func(k Kind) bool { return h.dropOfRequest(k, c) })
	if h.Upgrade {
		dst = append(dst, "Connection: upgrade\r\n"...)
	}
	dst = h.appendClient(dst, buf, c)
	return append(append(dst, e.Add...), "\r\n"...)
}

func (h *Head) dropOfRequest(k Kind, c *Client) bool {
	switch k {
	case Connection, KeepAlive, ProxyConnection, TE:
		return true
	case Upgrade:
		return !h.Upgrade
	case Host:
		return h.absolute
	case Expect:
		return !h.Continue
	case XForwardedFor:
		return true
	case XForwardedProto, XForwardedHost, Forwarded:
		return !c.Trusted
	}
	return false
}

// appendClient appends who asks, in the fields that servers read.
func (h *Head) appendClient(dst, buf []byte, c *Client) []byte {
	var proto, host, forwarded bool
	dst = append(dst, "X-Forwarded-For: "...)
	if c.Trusted {
		for i := range h.Fields {
			switch f := &h.Fields[i]; f.Kind {
			case XForwardedFor:
				dst = append(append(dst, f.Value(buf)...), ", "...)
			case XForwardedProto:
				proto = true
			case XForwardedHost:
				host = true
			case Forwarded:
				forwarded = true
			}
		}
	}
	dst = append(append(dst, c.Address...), "\r\n"...)
	if !proto {
		dst = appendLine(dst, "X-Forwarded-Proto: ", c.Proto)
	}
	if !host && len(h.Host) > 0 {
		dst = appendLine(dst, "X-Forwarded-Host: ", h.Host)
	}
	if forwarded {
		dst = appendForwarded(dst, c)
	}
	return dst
}

func appendForwarded(dst []byte, c *Client) []byte {
	dst = append(dst, "Forwarded: for="...)
	if bytes.IndexByte(c.Address, ':') >= 0 {
		dst = append(append(append(dst, `"[`...), c.Address...), `]"`...)
	} else {
		dst = append(dst, c.Address...)
	}
	return append(append(append(dst, ";proto="...), c.Proto...), "\r\n"...)
}

func appendLine(dst []byte, name string, value []byte) []byte {
	return append(append(append(dst, name...), value...), "\r\n"...)
}

// A Connectedness is what an answer says about the connection to its client.
type Connectedness uint8

// The ways of a connection after an answer.
const (
	Lives     Connectedness = iota // HTTP/1.1 needs no word for it
	LivesSaid                      // HTTP/1.0 does
	Finishes                       // after this answer
	Upgrades                       // to another protocol
)

// AppendResponse appends the head as it goes on to a client. plain says that
// the body goes on without chunks, to a client of HTTP/1.0.
func (h *Head) AppendResponse(dst, buf []byte, e *Edit, con Connectedness, plain bool) []byte {
	dst = append(dst, "HTTP/1.1"...)
	dst = append(append(dst, buf[8:h.line[1]]...), "\r\n"...)
	bodyless := h.Status < 200 || h.Status == 204
	dst = h.appendFields(dst, buf, e, func(k Kind) bool {
		switch k {
		case Connection, KeepAlive, ProxyConnection, TE:
			return true
		case Upgrade:
			return con != Upgrades
		case ContentLength:
			return bodyless
		case TransferEncoding, Trailer:
			return plain
		}
		return false
	})
	switch con {
	case LivesSaid:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	case Finishes:
		dst = append(dst, "Connection: close\r\n"...)
	case Upgrades:
		dst = append(dst, "Connection: upgrade\r\n"...)
	}
	return append(append(dst, e.Add...), "\r\n"...)
}

// appendFields copies the lines that stay, neighbours at once.
func (h *Head) appendFields(dst, buf []byte, e *Edit, drop func(Kind) bool) []byte {
	run := -1
	for i := range h.Fields {
		f := &h.Fields[i]
		gone := f.Kind != other && drop(f.Kind) || len(e.Drop) > 0 && listed(f.Name(buf), e.Drop) ||
			h.named && h.nominated(buf, f)
		switch {
		case !gone && run < 0:
			run = int(f.start)
		case gone && run >= 0:
			dst, run = append(dst, buf[run:f.start]...), -1
		}
	}
	if run >= 0 {
		dst = append(dst, buf[run:h.Fields[len(h.Fields)-1].end]...)
	}
	return dst
}

func listed(name []byte, lower []string) bool {
	for _, l := range lower {
		if EqualFold(name, l) {
			return true
		}
	}
	return false
}

// nominated reports that a Connection field names f. Fields that frame or
// route the message stay whatever a client says there.
func (h *Head) nominated(buf []byte, f *Field) bool {
	switch f.Kind {
	case Host, ContentLength, TransferEncoding, Upgrade:
		return false
	}
	for i := range h.Fields {
		if h.Fields[i].Kind != Connection {
			continue
		}
		for option := range options(h.Fields[i].Value(buf)) {
			if bytes.EqualFold(option, f.Name(buf)) {
				return true
			}
		}
	}
	return false
}
