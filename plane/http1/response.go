package http1

import "bytes"

// Response reads the head of a response at the start of buf. toHead says that
// it answers a HEAD, and so has no body whatever its fields say.
func (h *Head) Response(buf []byte, toHead bool) *Fault {
	h.reset()
	j := bytes.IndexByte(buf, '\n')
	if j < 0 {
		return incomplete(buf)
	}
	if j == 0 || buf[j-1] != '\r' {
		return ErrLineEnd
	}
	if fault := h.statusLine(buf[:j-1]); fault != nil {
		return fault
	}
	h.Length = UntilClose
	if fault := h.fields(buf, j+1); fault != nil {
		return fault
	}
	if fault := h.settle(); fault != nil {
		return fault
	}
	return h.body(toHead)
}

// statusLine reads "HTTP/1.x NNN" and an optional reason.
func (h *Head) statusLine(line []byte) *Fault {
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return ErrStatusLine
	}
	if line[7] < '0' || line[7] > '1' {
		return ErrVersion
	}
	h.Minor = int(line[7] - '0')
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return ErrStatusLine
		}
		h.Status = h.Status*10 + int(c-'0')
	}
	if h.Status < 100 || !cleanValue(line[12:]) {
		return ErrStatusLine
	}
	h.line = [2]int32{0, int32(len(line))}
	return nil
}

// body decides how the body of a response ends (RFC 9112, 6.3).
func (h *Head) body(toHead bool) *Fault {
	switch {
	case toHead || h.Status == 304:
		h.Length = 0
	case h.Status < 200 || h.Status == 204:
		if h.Length == Chunked {
			return ErrBodyless
		}
		h.Length = 0
	case h.Length == UntilClose:
		h.Close = true
	}
	return nil
}
