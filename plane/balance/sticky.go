package balance

import (
	"strconv"
	"strings"
)

// A Sticky says where a client belongs: a value that is the same for each of
// its requests, or an endpoint that a cookie names. The zero Sticky says
// nothing.
type Sticky struct {
	Value uint64 // by address or header: a hash; each endpoint wins its share of values
	Mark  uint32 // by cookie: of the endpoint
}

// Hash is a hash that every process and every run gives the same value, so
// that two planes send a client to the same place (FNV-1a with a final mix).
func Hash(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return mix(h)
}

func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// mark stands for an endpoint in a cookie; it says nothing about its address.
func mark(name string) uint32 { return uint32(Hash([]byte(name))) | 1 }

// home returns the endpoint where s belongs, if it is open; else -1. A value
// goes to the endpoint that scores highest with it, so that an endpoint that
// leaves moves only its own clients.
func (p *Pool) home(s Sticky, open func(e *Endpoint) bool) int {
	if s == (Sticky{}) {
		return -1
	}
	best, score := -1, uint64(0)
	for i, e := range p.endpoints {
		if !open(e) {
			continue
		}
		m := mark(e.Name)
		if s.Mark != 0 {
			if m == s.Mark {
				return i
			}
			continue
		}
		if x := mix(s.Value ^ uint64(m)*0x9e3779b97f4a7c15); best < 0 || x > score {
			best, score = i, x
		}
	}
	return best
}

// A Split shares requests among arms by weight.
type Split struct {
	weights []int
	marks   []uint32
	sum     int
}

// NewSplit takes the arms' names and weights in order.
func NewSplit(names []string, weights []int) *Split {
	s := &Split{weights: weights}
	for i, w := range weights {
		s.sum += w
		s.marks = append(s.marks, mark(names[i]))
	}
	return s
}

// Arm returns the arm for a value drawn by chance or hashed from a client. A
// change of weights moves only as many values as it must.
func (s *Split) Arm(value uint64) int {
	if len(s.weights) == 1 || s.sum == 0 {
		return 0
	}
	at := int(value >> 33 * uint64(s.sum) >> 31) // value's top 31 bits as a fraction of the sum
	for i, w := range s.weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(s.weights) - 1
}

// Cookie names the place of a client: arm and endpoint.
func (s *Split) Cookie(arm int, e *Endpoint) string {
	return strconv.FormatUint(uint64(s.marks[arm]), 36) + "." + strconv.FormatUint(uint64(mark(e.Name)), 36)
}

// Place reads a cookie. An arm that is gone, or has no weight any more, is not ok.
func (s *Split) Place(cookie string) (arm int, home Sticky, ok bool) {
	a, e, _ := strings.Cut(cookie, ".")
	am, err := strconv.ParseUint(a, 36, 32)
	if err != nil {
		return 0, Sticky{}, false
	}
	em, err := strconv.ParseUint(e, 36, 32)
	if err != nil {
		return 0, Sticky{}, false
	}
	for i, m := range s.marks {
		if m == uint32(am) && s.weights[i] > 0 {
			return i, Sticky{Mark: uint32(em)}, true
		}
	}
	return 0, Sticky{}, false
}
