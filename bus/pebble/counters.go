package pebble

import (
	"encoding/binary"
	"math"
	"slices"

	"nagi.dev/bus"
)

// counters is what is written with every change of a queue.
type counters struct {
	bus.Counts
	next      uint64 // number of the next item
	cursor    uint64 // the first number that was not yet handed out in order
	low       uint64 // no body is kept below, but those of items that are not done
	results   uint64 // the first completion whose result is on disk
	ids       uint64 // the next place in the order of IDs
	firstID   uint64 // the first place that is remembered
	keeps     uint64 // 1: bodies were kept after they were done, once at least
	lanes     map[int8]*lane
	laneOrder []int8 // priorities of lanes, high first
}

// A lane holds the items of one priority that are ready but have an index
// entry.
type lane struct {
	count int64
	floor uint64 // none has a lower number; not written
}

func newCounters() counters {
	return counters{next: 1, cursor: 1, low: 1, results: 1, ids: 1, firstID: 1, lanes: map[int8]*lane{}}
}

// numbers lists what is encoded, in order.
func (c *counters) numbers() []*uint64 {
	return []*uint64{
		&c.next, &c.cursor, &c.low, &c.results, &c.ids, &c.firstID, &c.keeps,
		&c.Appended, &c.Completed, &c.Cancelled, &c.Failed,
	}
}

func (c *counters) amounts() []*int64 {
	return []*int64{&c.Ready, &c.Delayed, &c.Leased, &c.Dead, &c.Bytes}
}

func (c *counters) encode(b []byte) []byte {
	for _, p := range c.numbers() {
		b = binary.AppendUvarint(b, *p)
	}
	for _, p := range c.amounts() {
		b = binary.AppendUvarint(b, uint64(*p))
	}
	for _, priority := range c.laneOrder {
		if n := c.lanes[priority].count; n > 0 {
			b = binary.AppendUvarint(append(b, byte(int(priority)+128)), uint64(n))
		}
	}
	return b
}

func decodeCounters(b []byte) (counters, error) {
	c, r := newCounters(), reader{b: b}
	for _, p := range c.numbers() {
		*p = r.uvarint()
	}
	for _, p := range c.amounts() {
		*p = int64(r.uvarint())
	}
	for len(r.b) > 0 {
		priority := int8(int(r.byte()) - 128)
		c.lane(priority).count = int64(r.uvarint())
	}
	return c, r.err()
}

func (c *counters) lane(priority int8) *lane {
	l := c.lanes[priority]
	if l == nil {
		l = &lane{}
		c.lanes[priority] = l
		c.laneOrder = append(c.laneOrder, priority)
		slices.SortFunc(c.laneOrder, func(a, b int8) int { return int(b) - int(a) })
	}
	return l
}

// enter notes an item with an index entry as ready.
func (c *counters) enter(priority int8, n uint64) {
	l := c.lane(priority)
	if l.count == 0 {
		l.floor = math.MaxUint64
	}
	l.count++
	l.floor = min(l.floor, n)
	c.Ready++
}

// leave is the opposite of enter.
func (c *counters) leave(priority int8) {
	c.lane(priority).count--
	c.Ready--
}
