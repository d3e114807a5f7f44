package http1

import "bytes"

// preface is how a client that knows of HTTP/2 begins.
const preface = "PRI * HTTP/2.0\r\n"

// Request reads the head of a request at the start of buf. ErrIncomplete says
// that more bytes are needed.
func (h *Head) Request(buf []byte) *Fault {
	h.reset()
	at := 0
	if len(buf) >= 2 && buf[0] == '\r' && buf[1] == '\n' { // RFC 9112, 2.2: one empty line before
		at = 2
	}
	j := bytes.IndexByte(buf[at:], '\n')
	if j < 0 {
		return incomplete(buf)
	}
	end := at + j + 1
	if j == 0 || buf[end-2] != '\r' {
		return ErrLineEnd
	}
	if fault := h.requestLine(buf, at, end-2); fault != nil {
		return fault
	}
	if fault := h.fields(buf, end); fault != nil {
		return fault
	}
	if h.framed.hosts == 0 && h.Minor == 1 {
		return ErrHost
	}
	if fault := h.settle(); fault != nil {
		return fault
	}
	if h.Minor == 0 {
		h.Continue = false
	}
	return nil
}

func (h *Head) requestLine(buf []byte, at, end int) *Fault {
	line := buf[at:end]
	h.line = [2]int32{int32(at), int32(end)}
	i := bytes.IndexByte(line, ' ')
	k := bytes.LastIndexByte(line, ' ')
	if i <= 0 || k <= i+1 || !token(line[:i]) {
		return ErrRequestLine
	}
	h.Method, h.Target = line[:i], line[i+1:k]
	version := line[k+1:]
	if string(line) == preface[:len(preface)-2] {
		return ErrPreface
	}
	if len(version) != 8 || string(version[:5]) != "HTTP/" || version[6] != '.' {
		return ErrRequestLine
	}
	if version[5] != '1' || version[7] < '0' || version[7] > '1' {
		return ErrVersion
	}
	h.Minor = int(version[7] - '0')
	return h.target()
}

// target checks the form of the target. An absolute one is cut to the origin
// form; its authority replaces the Host field (RFC 9112, 3.2.2).
func (h *Head) target() *Fault {
	t := h.Target
	if !cleanTarget(t) {
		return ErrTarget
	}
	if string(h.Method) == "CONNECT" {
		return ErrConnect
	}
	if t[0] == '/' {
		return nil
	}
	if len(t) == 1 && t[0] == '*' {
		if string(h.Method) != "OPTIONS" {
			return ErrTarget
		}
		return nil
	}
	rest, ok := cutScheme(t)
	if !ok {
		return ErrTarget
	}
	path := bytes.IndexAny(rest, "/?")
	if path < 0 {
		path = len(rest)
	}
	h.Host, h.Target, h.absolute = rest[:path], rest[path:], true
	if len(h.Host) == 0 || !validHost(h.Host) {
		return ErrTarget
	}
	return nil
}

func cutScheme(t []byte) ([]byte, bool) {
	for _, scheme := range []string{"http://", "https://"} {
		if len(t) > len(scheme) && EqualFold(t[:len(scheme)], scheme) {
			return t[len(scheme):], true
		}
	}
	return nil, false
}
