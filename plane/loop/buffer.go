package loop

import "math/bits"

const (
	minShift = 10 // buffers of 1 KiB
	maxShift = 20 // to 1 MiB are kept; larger ones are left to the collector
	keep     = 4 << 20
)

// buffers keeps free buffers by size, so that a connection holds one only while
// something waits in it.
type buffers struct {
	free  [maxShift - minShift + 1][][]byte
	bytes int // in free
}

func class(n int) int { return max(0, bits.Len(uint(max(n, 1)-1))-minShift) }

// get returns an empty buffer for n bytes and more.
func (b *buffers) get(n int) []byte {
	c := class(n)
	if c >= len(b.free) {
		return make([]byte, 0, n+n/4)
	}
	if k := len(b.free[c]); k > 0 {
		p := b.free[c][k-1]
		b.free[c] = b.free[c][:k-1]
		b.bytes -= cap(p)
		return p
	}
	return make([]byte, 0, 1<<(c+minShift))
}

// put takes a buffer back. Of what has no class it takes none.
func (b *buffers) put(p []byte) {
	c := class(cap(p))
	if cap(p) < 1<<minShift || c >= len(b.free) || cap(p) != 1<<(c+minShift) || b.bytes+cap(p) > keep {
		return
	}
	b.bytes += cap(p)
	b.free[c] = append(b.free[c], p[:0])
}

// grow returns p with room for n bytes more.
func (b *buffers) grow(p []byte, n int) []byte {
	if cap(p)-len(p) >= n {
		return p
	}
	if p == nil {
		return b.get(n)
	}
	q := append(b.get(max(len(p)+n, 2*cap(p))), p...)
	b.put(p)
	return q
}

// Grow returns p with room for n bytes more; nil is a buffer not yet borrowed.
// Handlers keep bytes in buffers of the loop and give them back with Return.
func (l *Loop) Grow(p []byte, n int) []byte { return l.buffers.grow(p, n) }

// Return gives a buffer back that Grow has made. Nothing may refer to it any more.
func (l *Loop) Return(p []byte) { l.buffers.put(p) }
