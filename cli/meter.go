package cli

import (
	"fmt"
	"io"
	"time"
)

// A meter shows on a terminal how far a long read is. It is silent elsewhere
// and in the first half second.
type meter struct {
	to    io.Writer
	what  string
	size  int64 // 0: unknown
	begun time.Time
	shown time.Time
}

func newMeter(to io.Writer, what string, size int64) *meter {
	return &meter{to: to, what: what, size: size, begun: time.Now()}
}

func (m *meter) read(r io.Reader) io.Reader { return &meterReader{meter: m, r: r} }

func (m *meter) show(n int64) {
	now := time.Now()
	if !terminal(m.to) || now.Sub(m.begun) < 500*time.Millisecond || now.Sub(m.shown) < 200*time.Millisecond {
		return
	}
	m.shown = now
	text := m.what + ": " + byteCount(n)
	if m.size > 0 {
		text += " of " + byteCount(m.size)
	}
	fmt.Fprintf(m.to, "\r\x1b[K%s", cut(text, width(m.to)))
}

// end clears the line.
func (m *meter) end() {
	if !m.shown.IsZero() {
		fmt.Fprint(m.to, "\r\x1b[K")
	}
}

type meterReader struct {
	meter *meter
	r     io.Reader
	n     int64
}

// Read implements io.Reader.
func (r *meterReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.n += int64(n)
	r.meter.show(r.n)
	return n, err
}
