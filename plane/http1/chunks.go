package http1

import "bytes"

// Chunks follows a chunked body through pieces of any size. It checks the
// framing to the byte, so that what passes it as it came means the same to
// every reader behind.
type Chunks struct {
	state chunkState
	left  uint64 // of the chunk
	spent int    // bytes of this line; of all trailers
	part  []byte // of a trailer line that came in pieces
}

type chunkState uint8

// size ─;→ extension ─┐
//
//	│                 ├─CR→ sizeLF ─LF→ data → dataCR → dataLF → size
//	└─────────────────┘        └─ size 0 → trailer … blank line → done
const (
	firstDigit chunkState = iota
	moreDigits
	extension
	sizeLF
	chunkData
	dataCR
	dataLF
	trailer
	chunksDone
)

// Done reports whether the body and its trailers have ended.
func (c *Chunks) Done() bool { return c.state == chunksDone }

// Next takes in the beginning of p: n bytes of it, of which data is payload.
// It takes in nothing when Done or when p is empty.
func (c *Chunks) Next(p []byte) (n int, data []byte, fault *Fault) {
	for n < len(p) && c.state != chunksDone {
		if c.state == chunkData {
			k := int(min(c.left, uint64(len(p)-n)))
			c.left -= uint64(k)
			if c.left == 0 {
				c.state = dataCR
			}
			return n + k, p[n : n+k], nil
		}
		if c.state == trailer {
			k, fault := c.trailer(p[n:])
			if n += k; fault != nil {
				return n, nil, fault
			}
			continue
		}
		if fault := c.frame(p[n]); fault != nil {
			return n, nil, fault
		}
		n++
	}
	return n, nil, nil
}

// frame takes in one byte between the payloads.
func (c *Chunks) frame(b byte) *Fault {
	switch c.state {
	case firstDigit, moreDigits:
		return c.size(b)
	case extension:
		if c.spent++; c.spent > MaxHead/16 {
			return ErrChunk
		}
		if b == '\r' {
			c.state = sizeLF
		} else if b < ' ' && b != '\t' || b == 0x7f {
			return ErrChunk
		}
	case sizeLF:
		if b != '\n' {
			return ErrChunk
		}
		if c.spent = 0; c.left == 0 {
			c.state = trailer
		} else {
			c.state = chunkData
		}
	case dataCR:
		if b != '\r' {
			return ErrChunk
		}
		c.state = dataLF
	case dataLF:
		if b != '\n' {
			return ErrChunk
		}
		c.state = firstDigit
	}
	return nil
}

func (c *Chunks) size(b byte) *Fault {
	d := hexDigit(b)
	switch {
	case d < 16:
		if c.left > 1<<56 {
			return ErrChunk
		}
		c.left, c.state = c.left<<4|uint64(d), moreDigits
		if c.spent++; c.spent > 16 {
			return ErrChunk
		}
	case c.state == firstDigit:
		return ErrChunk
	case b == '\r':
		c.state = sizeLF
	case b == ';':
		c.state = extension
	default:
		return ErrChunk
	}
	return nil
}

func hexDigit(b byte) byte {
	switch {
	case b >= '0' && b <= '9':
		return b - '0'
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return b | 0x20 - 'a' + 10
	}
	return 255
}

// trailer takes in a trailer line, or the part of it that is there.
func (c *Chunks) trailer(p []byte) (n int, fault *Fault) {
	j := bytes.IndexByte(p, '\n')
	if n = j + 1; j < 0 {
		n = len(p)
	}
	if c.spent += n; c.spent > MaxHead {
		return 0, ErrHeadSize
	}
	line := p[:n]
	if j < 0 || len(c.part) > 0 {
		c.part = append(c.part, line...)
		if line = c.part; j < 0 {
			return n, nil
		}
	}
	c.part = nil
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return 0, ErrTrailer
	}
	if len(line) == 2 {
		c.state = chunksDone
		return n, nil
	}
	f, fault := field(line, 0, len(line))
	if fault != nil || f.Kind != other {
		return 0, ErrTrailer // a trailer must not frame, route or authenticate (RFC 9110, 6.5.1)
	}
	return n, nil
}
