package pebble

import (
	"encoding/binary"
	"math"
)

// The kinds of keys, each the first byte of its keys.
const (
	kindMeta      = 'M'
	kindQueue     = 'Q'
	kindCounters  = 'C'
	kindItem      = 'I'
	kindAgain     = 'A'
	kindDue       = 'T'
	kindPlace     = 'P'
	kindLease     = 'L'
	kindDead      = 'D'
	kindResult    = 'R'
	kindID        = 'N'
	kindIDInOrder = 'W'
)

// prefixed begins a key of a queue.
func prefixed(kind byte, queue uint32, room int) []byte {
	k := make([]byte, 5, 5+room)
	k[0] = kind
	binary.BigEndian.PutUint32(k[1:], queue)
	return k
}

// numbered is the key of one item, completion or ID.
func numbered(kind byte, queue uint32, n uint64) []byte {
	return binary.BigEndian.AppendUint64(prefixed(kind, queue, 8), n)
}

// againKey sorts by priority, high first, then by number.
func againKey(queue uint32, priority int8, n uint64) []byte {
	k := append(prefixed(kindAgain, queue, 9), byte(127-int(priority)))
	return binary.BigEndian.AppendUint64(k, n)
}

func dueKey(queue uint32, due int64, n uint64) []byte {
	k := binary.BigEndian.AppendUint64(prefixed(kindDue, queue, 16), uint64(due))
	return binary.BigEndian.AppendUint64(k, n)
}

func idKey(queue uint32, id string) []byte {
	return append(prefixed(kindID, queue, len(id)), id...)
}

func queueKey(name string) []byte { return append([]byte{kindQueue}, name...) }

// number is the item's number, which ends all keys that have one.
func number(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// due is the time in the key of a delayed item.
func due(key []byte) int64 { return int64(binary.BigEndian.Uint64(key[5:])) }

// after is the key behind all with this number.
func after(kind byte, queue uint32, n uint64) []byte {
	if n == math.MaxUint64 {
		return prefixed(kind, queue+1, 0)
	}
	return numbered(kind, queue, n+1)
}
