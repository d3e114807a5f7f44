package bus

import (
	"context"
	"time"
)

// A Log holds named queues of items. Its methods may be called from any
// goroutine. What changes something returns after the change is durable; only
// a lease is not (docs/design/0005-durable-log.md says what that means).
type Log interface {
	// Configure makes a queue, or changes how one is kept.
	Configure(ctx context.Context, queue string, c Config) error

	// Append adds all entries or none, and returns their numbers. A queue
	// that is not there is made with the zero Config.
	Append(ctx context.Context, queue string, entries []Entry) ([]uint64, error)

	// Read returns up to most items from number from on, in order, whatever
	// their state. Items that are gone are left out.
	Read(ctx context.Context, queue string, from uint64, most int) ([]Item, error)

	// Lease hands out ready items. Without any it waits for w.Wait, then
	// returns none.
	Lease(ctx context.Context, queue string, w Want) ([]Item, error)

	// Settle says what becomes of leased items. The first result has one
	// error for each verdict, nil where it was recorded.
	Settle(ctx context.Context, queue string, verdicts []Verdict) ([]error, error)

	// Cancel takes items out, whatever their state; a lease on one is void.
	// It returns how many there were.
	Cancel(ctx context.Context, queue string, numbers []uint64) (int, error)

	// Retry makes dead items ready again, with all attempts before them. It
	// returns how many were dead.
	Retry(ctx context.Context, queue string, numbers []uint64) (int, error)

	// Peek returns up to most items of one state with a number of at least
	// from, by number. It leases nothing.
	Peek(ctx context.Context, queue string, s State, from uint64, most int) ([]Item, error)

	// Results returns up to most kept results, from completion from on, in
	// order of completion. The first ever is completion 1.
	Results(ctx context.Context, queue string, from uint64, most int) ([]Result, error)

	// Count returns how many items there are. It costs the same for any number.
	Count(ctx context.Context, queue string) (Counts, error)

	// Truncate takes out every item with a number below before, whatever its
	// state.
	Truncate(ctx context.Context, queue string, before uint64) error

	// Queues returns the names of all queues, sorted.
	Queues(ctx context.Context) ([]string, error)

	// Close lets go of the log. Calls that wait return ErrClosed.
	Close() error
}

// An Entry is an item to be.
type Entry struct {
	Body     []byte
	ID       string        // appended once within Config.IDWindow; "": always. At most 255 bytes
	Priority int8          // higher is handed out first
	Delay    time.Duration // not handed out before this has passed
}

// A State is where an item stands.
type State uint8

// The states of an item. Items that are done are found by their results.
const (
	Ready State = iota
	Delayed
	Leased
	Dead
)

// An Item is what a queue keeps.
type Item struct {
	Number   uint64
	ID       string
	Priority int8
	Body     []byte
	At       time.Time // when it was appended
	Attempt  int       // how often it was handed out, this time counted
	Token    uint64    // of the lease; 0: none
	Until    time.Time // end of the lease, or of the delay; zero: neither
	Owner    string    // who holds the lease
	Reason   string    // why it is dead
	Tail     string    // the end of the log of the worker that gave it up
}

// A Want asks for items.
type Want struct {
	Most  int           // at most so many; 0: 1
	For   time.Duration // how long the lease lasts; 0: as the queue's Config says
	Wait  time.Duration // how long to wait for the first item; 0: not at all
	Owner string        // named in the item, in results and in reasons
}

// An Act is what a verdict does.
type Act uint8

// What can become of a leased item.
const (
	Done    Act = iota + 1 // it is finished: record it and keep its result
	Extend                 // the lease lasts For from now
	Again                  // the attempt failed: once more after For, or the back-off; dead after the last
	Release                // give it back as it was, after For; the attempt does not count
	Bury                   // it will never work: a dead letter
)

// A Verdict says what becomes of one leased item.
type Verdict struct {
	Number uint64
	Token  uint64 // of the lease
	Act    Act
	For    time.Duration
	Result []byte // with Done
	Emit   []Emit // with Done: appended in the same step
	Reason string // with Again and Bury
	Tail   string // with Again and Bury: the end of the worker's log
}

// An Emit is an entry for a queue of the same log.
type Emit struct {
	Queue string
	Entry Entry
}

// A Result is the one record of a completed item.
type Result struct {
	Completion uint64 // 1, 2, 3… within the queue
	Number     uint64
	Token      uint64
	ID         string
	Owner      string
	Attempt    int
	At         time.Time
	Result     []byte
}

// Counts says how many items of a queue are in which state now, and how many
// there have ever been.
type Counts struct {
	Ready, Delayed, Leased, Dead int64
	Bytes                        int64 // of all bodies that are kept

	Appended, Completed, Cancelled, Failed uint64 // Failed: attempts
}

// Waiting is the number of items that are not at an end.
func (c Counts) Waiting() int64 { return c.Ready + c.Delayed + c.Leased }
