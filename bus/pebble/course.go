package pebble

import (
	"math"

	"github.com/cockroachdb/pebble/v2"

	"nagi.dev/bus"
)

// A course finds ready items, first those that go first: the lanes of the
// index merged with what is handed out in order of arrival.
type course struct {
	t     *txn
	q     *queue
	moved bool // the cursor moved

	fresh *pebble.Iterator // at the next item in order of arrival
	head  item             // there, when ok
	ok    bool

	again    *pebble.Iterator // at the next entry of the index
	priority int8             // there, when more
	more     bool
}

// next takes the first item out of what is ready.
func (c *course) next() (bus.Item, bool, error) {
	if err := c.peekFresh(); err != nil {
		return bus.Item{}, false, err
	}
	if err := c.peekAgain(); err != nil {
		return bus.Item{}, false, err
	}
	switch {
	case c.more && (!c.ok || bus.Before(c.priority, number(c.again.Key()), 0, number(c.fresh.Key()))):
		return c.takeAgain()
	case c.ok:
		return c.takeFresh(), true, nil
	}
	return bus.Item{}, false, nil
}

// peekFresh finds the next item that came in order and is durable.
func (c *course) peekFresh() (err error) {
	if c.ok || c.q.cursor > c.q.durable {
		return nil
	}
	if c.fresh == nil {
		c.fresh, err = c.t.l.db.NewIter(between(numbered(kindItem, c.q.id, c.q.cursor), after(kindItem, c.q.id, c.q.durable)))
		if err != nil {
			return err
		}
		c.fresh.First()
	}
	for ; c.fresh.Valid(); c.fresh.Next() {
		v, err := c.fresh.ValueAndErr()
		if err != nil {
			return err
		}
		if c.head, err = decodeItem(v); err != nil {
			return err
		}
		if c.ok = !c.head.indexed; c.ok {
			return nil
		}
	}
	if err := c.fresh.Error(); err != nil {
		return err
	}
	c.moveTo(c.q.durable + 1)
	return nil
}

func (c *course) moveTo(n uint64) { c.q.cursor, c.moved = n, true }

func (c *course) takeFresh() bus.Item {
	n := number(c.fresh.Key())
	it := c.head.public(n)
	c.q.Ready--
	c.moveTo(n + 1)
	c.ok = false
	c.fresh.Next()
	return it
}

// peekAgain finds the next entry of the index whose item is durable. Items
// that are not yet so are at the end of their lane.
func (c *course) peekAgain() (err error) {
	if c.more {
		return nil
	}
	for _, p := range c.q.laneOrder {
		lane := c.q.lanes[p]
		if lane.count == 0 {
			continue
		}
		if c.again == nil {
			if c.again, err = c.t.l.db.NewIter(between(prefixed(kindAgain, c.q.id, 0), prefixed(kindAgain, c.q.id+1, 0))); err != nil {
				return err
			}
		}
		if c.at(p) || c.again.SeekGE(againKey(c.q.id, p, lane.floor)) && c.at(p) {
			c.priority, c.more = p, true
			lane.floor = number(c.again.Key())
			return nil
		}
		if err := c.again.Error(); err != nil {
			return err
		}
	}
	return nil
}

// at says whether the iterator stands in a lane, at an item that may go.
func (c *course) at(p int8) bool {
	if !c.again.Valid() {
		return false
	}
	k := c.again.Key()
	return k[5] == byte(127-int(p)) && number(k) <= c.q.durable
}

func (c *course) takeAgain() (bus.Item, bool, error) {
	n, p := number(c.again.Key()), c.priority
	v, err := c.again.ValueAndErr()
	if err != nil {
		return bus.Item{}, false, err
	}
	attempts := reader{b: v}
	attempt := int(attempts.uvarint())
	it, err := c.t.l.item(c.q, n)
	if err != nil {
		return bus.Item{}, false, err
	}
	it.Attempt = attempt
	c.t.delete(againKey(c.q.id, p, n))
	c.q.leave(p)
	c.q.lanes[p].floor = satAdd(n)
	c.more = false
	c.again.Next()
	return it, true, nil
}

func satAdd(n uint64) uint64 {
	if n == math.MaxUint64 {
		return n
	}
	return n + 1
}

func (c *course) close() {
	for _, it := range []*pebble.Iterator{c.fresh, c.again} {
		if it != nil {
			_ = it.Close() // its errors were looked at
		}
	}
}
