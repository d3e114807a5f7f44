package ring

import (
	"cmp"
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"slices"
)

const (
	points   = 160 // a member of mean weight
	shortcut = 12  // bits of a hash that lead near its point
)

// ketama is a circle of points, 160 for a member of mean weight, made of the
// MD5 of NAME-0, NAME-1 and so on, four a digest.
type ketama struct {
	values []uint32
	member []uint32
	near   [1<<shortcut + 1]uint32 // first point at or above a hash with these upper bits
}

func newKetama(members []Member) *ketama {
	type point struct{ value, member uint32 }
	var all []point
	live, weights := 0, 0
	for _, m := range members {
		if !m.Out {
			live++
			weights += m.weight()
		}
	}
	for i, m := range members {
		if m.Out {
			continue
		}
		for j := range digests(m.weight(), weights, live) {
			d := md5.Sum(fmt.Appendf(nil, "%s-%d", m.Name, j))
			for k := 0; k < 16; k += 4 {
				all = append(all, point{binary.LittleEndian.Uint32(d[k:]), uint32(i)})
			}
		}
	}
	// Equal points stay in order, as with glibc's sort.
	slices.SortStableFunc(all, func(a, b point) int { return cmp.Compare(a.value, b.value) })
	k := &ketama{}
	for _, p := range all {
		k.values = append(k.values, p.value)
		k.member = append(k.member, p.member)
	}
	for i := range k.near {
		at, _ := slices.BinarySearch(k.values, uint32(min(uint64(i)<<(32-shortcut), 1<<32-1)))
		k.near[i] = uint32(at)
	}
	return k
}

// digests is how many digests a member gets, in C's float, step by step: its
// rounding is part of the placement.
func digests(weight, weights, live int) int {
	share := float32(weight) / float32(weights)
	x := float32(share * points)
	x = float32(x / 4)
	x = float32(x * float32(live))
	return int(float32(float64(x) + 0.0000000001))
}

func (m Member) weight() int { return max(m.Weight, 1) }

// find is the first point at or above hash, or the first of all.
func (k *ketama) find(hash uint32) int {
	at := int(k.near[hash>>(32-shortcut)])
	for at < len(k.values) && k.values[at] < hash {
		at++
	}
	if at == len(k.values) {
		return 0
	}
	return at
}

func (k *ketama) slot(hash uint32, _ uint64) int { return k.find(hash) }
func (k *ketama) slots() []uint32                { return k.member }
