package bus

import "errors"

// What callers may act on. Every error of a Log that has one of these causes
// wraps it, over the network too.
var (
	ErrNoQueue = errors.New("there is no such queue")
	ErrInvalid = errors.New("the request is not valid")
	ErrFull    = errors.New("no room is left")
	ErrStale   = errors.New("the lease is no longer held")
	ErrDrained = errors.New("the queue takes no new items")
	ErrClosed  = errors.New("the log is closed")
	ErrBroken  = errors.New("the log cannot write any more; start it again")
	ErrDamaged = errors.New("a file is damaged; restore a backup")
)
