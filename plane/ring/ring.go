package ring

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// A Member is what a key can belong to.
type Member struct {
	Name   string // what it is placed by; unique
	Weight int    // 0: 1
	Out    bool   // it gets no key: the others are placed as if it were not there
}

// Options says how keys are placed. Only Algorithm is required.
type Options struct {
	Algorithm string        // ketama, modula, random, maglev or jump
	Hash      string        // none: fnv1a_64
	Tag       string        // two characters: only what stands between them places a key; none: the whole key
	Chance    func() uint64 // for random

	// Compatible puts members in twemproxy's order before they are placed: by
	// the length of their names, then by the names. Without it the order of the
	// members is kept.
	Compatible bool
}

// A Ring places keys. It never changes; another is made when members do.
type Ring struct {
	hash     func([]byte) uint32
	wide     func([]byte) uint64 // for maglev and jump
	tag      string
	members  int
	only     int // the one member there is, out or not; -1: there are more
	table    table
	randomly bool
	chance   func() uint64
}

// A table is a distribution: slots in an order, each of which belongs to a
// member. Who does not want a key passes it on to the next slot.
type table interface {
	slot(hash uint32, wide uint64) int
	slots() []uint32 // the member of each
}

// New makes a ring.
func New(members []Member, o Options) (*Ring, error) {
	if o.Hash == "" {
		o.Hash = "fnv1a_64"
	}
	r := &Ring{hash: hashes[o.Hash], tag: o.Tag, members: len(members), only: -1, chance: o.Chance}
	if r.hash == nil {
		return nil, fmt.Errorf("hash %q is none of %s", o.Hash, strings.Join(slices.Sorted(maps.Keys(hashes)), ", "))
	}
	if r.tag != "" && len(r.tag) != 2 {
		return nil, fmt.Errorf("hash tag %q is not two characters", o.Tag)
	}
	r.wide = func(p []byte) uint64 { return mix(uint64(r.hash(p))) }
	if o.Hash == "xxh64" {
		r.wide = xxhash.Sum64
	}
	if len(members) == 1 {
		r.only = 0
	}
	order := make([]uint32, len(members))
	for i := range order {
		order[i] = uint32(i)
	}
	if o.Compatible {
		slices.SortStableFunc(order, func(a, b uint32) int {
			x, y := members[a].Name, members[b].Name
			return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
		})
	}
	sorted := make([]Member, len(members))
	for i, at := range order {
		sorted[i] = members[at]
	}
	if err := r.build(sorted, o.Algorithm); err != nil {
		return nil, err
	}
	for i, m := range r.table.slots() {
		r.table.slots()[i] = order[m]
	}
	return r, nil
}

func (r *Ring) build(members []Member, algorithm string) error {
	switch algorithm {
	case "ketama":
		r.table = newKetama(members)
	case "modula":
		r.table = newModula(members)
	case "random":
		r.table, r.randomly = newEqual(members), true
		if r.chance == nil {
			return fmt.Errorf("random needs a source of chance")
		}
	case "maglev":
		r.table = newMaglev(members)
	case "jump":
		r.table = newJump(members)
	default:
		return fmt.Errorf("algorithm %q is none of ketama, modula, random, maglev, jump", algorithm)
	}
	return nil
}

// Place returns the index of the member that key belongs to; -1: there is none.
func (r *Ring) Place(key []byte) int {
	if r.only >= 0 {
		return r.only // twemproxy does not look whether a single one is out
	}
	slots := r.table.slots()
	if len(slots) == 0 {
		return -1
	}
	return int(slots[r.first(key)])
}

func (r *Ring) first(key []byte) int {
	if r.randomly {
		return r.table.slot(0, r.chance())
	}
	if r.tag != "" {
		key = tagged(key, r.tag)
	}
	if k, ok := r.table.(*ketama); ok {
		return k.find(r.code(key))
	}
	if _, ok := r.table.(modula); ok {
		return r.table.slot(r.code(key), 0)
	}
	return r.table.slot(0, r.wide(key))
}

// code is the hash of a key; an empty one has none.
func (r *Ring) code(key []byte) uint32 {
	if len(key) == 0 {
		return 0
	}
	return r.hash(key)
}

// PlaceWhere returns the first member in key's order that ok takes; when ok
// takes none, the one that Place returns.
func (r *Ring) PlaceWhere(key []byte, ok func(member int) bool) int {
	first := r.Place(key)
	if first < 0 || r.only >= 0 || ok(first) {
		return first
	}
	slots := r.table.slots()
	asked := make([]bool, r.members)
	asked[first] = true
	at := r.first(key)
	for i := range slots {
		m := int(slots[(at+i)%len(slots)])
		if asked[m] {
			continue
		}
		if asked[m] = true; ok(m) {
			return m
		}
	}
	return first
}

// Key returns the part of key that places it.
func (r *Ring) Key(key []byte) []byte {
	if r.tag == "" {
		return key
	}
	return tagged(key, r.tag)
}

// tagged is what stands between the first of the two characters and the next
// second one; where there is nothing, the whole key.
func tagged(key []byte, tag string) []byte {
	start := bytes.IndexByte(key, tag[0])
	if start < 0 {
		return key
	}
	end := bytes.IndexByte(key[start+1:], tag[1])
	if end <= 0 {
		return key
	}
	return key[start+1 : start+1+end]
}

// mix spreads a short hash over 64 bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Room says whether a member that has load requests may take one more, when
// all n members together have total and none shall have more than factor times
// the mean; weights count in. 0 as factor is no bound.
func Room(load, total int, factor float64, weight, weights int) bool {
	if factor <= 0 || weights <= 0 {
		return true
	}
	return float64(load) < factor*float64(total+1)*float64(max(weight, 1))/float64(weights)
}
