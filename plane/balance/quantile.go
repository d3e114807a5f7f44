package balance

import (
	"math/bits"
	"sync"
	"time"
)

// A Quantile follows a quantile of the latencies of late: halves older ones
// away every 1024, and looks anew at the whole every 64.
type Quantile struct {
	q float64

	mu    sync.Mutex // guards what follows
	n     int
	sum   uint32
	value time.Duration
	cells [cells]uint32
}

// Eight cells between a power of two and the next: within 12.5 % of the truth.
const cells = 8 * 40

// NewQuantile follows q, between 0 and 1.
func NewQuantile(q float64) *Quantile { return &Quantile{q: q} }

func cell(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 8 {
		return int(us)
	}
	k := bits.Len64(us) - 4
	return min(8*(k+1)+int(us>>k&7), cells-1)
}

// edge is the upper end of a cell.
func edge(i int) time.Duration {
	if i < 8 {
		return time.Duration(i+1) * time.Microsecond
	}
	k := i/8 - 1
	return time.Duration((8+uint64(i%8)+1)<<k) * time.Microsecond
}

// Add takes in a latency.
func (t *Quantile) Add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cells[cell(d)]++
	t.sum++
	if t.n++; t.n%64 == 0 {
		t.look()
	}
	if t.n%1024 == 0 {
		t.sum = 0
		for i := range t.cells {
			t.cells[i] /= 2
			t.sum += t.cells[i]
		}
	}
}

func (t *Quantile) look() {
	want := uint32(t.q * float64(t.sum))
	for i, n := range t.cells {
		if n > want {
			t.value = edge(i)
			return
		}
		want -= n
	}
}

// Value is the quantile; 0 as long as there are too few latencies to say.
func (t *Quantile) Value() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
}
