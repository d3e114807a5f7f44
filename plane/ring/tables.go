package ring

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// modula gives each member as many slots as it weighs; the remainder of the
// hash is the slot.
type modula []uint32

func newModula(members []Member) (t modula) {
	for i, m := range members {
		for range m.weight() {
			if !m.Out {
				t = append(t, uint32(i))
			}
		}
	}
	return t
}

func (t modula) slot(hash uint32, _ uint64) int { return int(hash % uint32(len(t))) }
func (t modula) slots() []uint32                { return t }

// equal gives each member one slot, whatever it weighs: random has it so.
type equal []uint32

func newEqual(members []Member) (t equal) {
	for i, m := range members {
		if !m.Out {
			t = append(t, uint32(i))
		}
	}
	return t
}

func (t equal) slot(_ uint32, chance uint64) int { return int(chance % uint64(len(t))) }
func (t equal) slots() []uint32                  { return t }

// jump is the consistent hash of Lamping and Veach over the slots of modula.
// It is right for members that come and go at the end of the list; when one
// is out, its keys go to the slot that follows.
type jump struct {
	modula
	out []bool // by slot
}

func newJump(members []Member) jump {
	var j jump
	all := make([]Member, len(members))
	in := false
	for i, m := range members {
		all[i] = Member{Weight: m.Weight}
		for range m.weight() {
			j.out = append(j.out, m.Out)
		}
		in = in || !m.Out
	}
	if in {
		j.modula = newModula(all)
	}
	return j
}

func (j jump) slot(_ uint32, wide uint64) int {
	b, next := int64(-1), int64(0)
	for next < int64(len(j.modula)) {
		b = next
		wide = wide*2862933555777941757 + 1
		next = int64(float64(b+1) * (float64(1<<31) / float64(wide>>33+1)))
	}
	for j.out[b] {
		b = (b + 1) % int64(len(j.modula))
	}
	return int(b)
}

// size of a maglev table: a prime, the one that the paper and Envoy use.
const size = 65537

// maglev fills a table by turns, each member in an order of its own, so that
// few keys move when one comes or goes.
type maglev []uint32

func newMaglev(members []Member) maglev {
	heaviest := 0
	for _, m := range members {
		if !m.Out {
			heaviest = max(heaviest, m.weight())
		}
	}
	if heaviest == 0 {
		return nil
	}
	const free = ^uint32(0)
	t := make(maglev, size)
	for i := range t {
		t[i] = free
	}
	fillers := make([]filler, len(members))
	for i, m := range members {
		fillers[i] = newFiller(m)
	}
	for round, left := 1, size; ; round++ {
		for i := range fillers {
			f := &fillers[i]
			// A lighter member sits out rounds in proportion.
			if members[i].Out || f.taken*heaviest >= round*members[i].weight() {
				continue
			}
			for t[f.at] != free {
				f.step()
			}
			t[f.at] = uint32(i)
			f.taken++
			if left--; left == 0 {
				return t
			}
		}
	}
}

type filler struct{ at, skip, taken int }

func newFiller(m Member) filler {
	h := xxhash.Sum64String(m.Name)
	return filler{at: int(h % size), skip: int(mix(h)%(size-1)) + 1}
}

func (f *filler) step() { f.at = (f.at + f.skip) % size }

func (t maglev) slot(_ uint32, wide uint64) int {
	hi, _ := bits.Mul64(wide, size)
	return int(hi)
}
func (t maglev) slots() []uint32 { return t }
