package pebble

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"nagi.dev/bus"
)

// Options says where a log is kept. Only Dir is required.
type Options struct {
	Dir     string           // made if missing; one process at a time
	FS      vfs.FS           // 0: the machine's
	Now     func() time.Time // 0: the machine's clock
	MinFree int64            // bytes of the disk below which appends are refused; 0: 256 MiB, -1: none
	Ballast int64            // bytes laid down to be given up on a full disk; 0: 16 MiB, -1: none
	Log     *slog.Logger     // what the engine reports; 0: nothing
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MinFree == 0 {
		o.MinFree = 256 << 20
	}
	if o.Ballast == 0 {
		o.Ballast = 16 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Open opens the log of a folder. A folder whose files are damaged gives
// bus.ErrDamaged and is left as it is.
func Open(o Options) (*Log, error) {
	o = o.withDefaults()
	if o.Dir == "" {
		return nil, errors.New("open log: Dir is required")
	}
	l := &Log{now: o.Now, stopping: make(chan struct{}), queues: map[string]*queue{}, nextQueue: 1}
	if err := o.FS.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open log %s: %w", o.Dir, err)
	}
	l.disk = newDisk(o)
	db, err := openDB(o, l)
	if err != nil {
		return nil, fmt.Errorf("open log %s: %w", o.Dir, openFault(err))
	}
	l.db = db
	l.disk.layBallast()
	if err := l.load(); err != nil {
		_ = db.Close() // the first error counts
		return nil, fmt.Errorf("open log %s: %w", o.Dir, err)
	}
	return l, nil
}

// openFault tells damage from everything else. A manifest that names a
// missing file is damage too, though Pebble marks it so only sometimes.
func openFault(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", bus.ErrDamaged, err)
	}
	return err
}

// memTable is the size of a memtable, and about that of a write-ahead file.
const memTable = 8 << 20

// openDB sets Pebble up for a queue: small memtables, so that write-ahead
// files are used again soon (a write into a file that does not grow syncs
// in two thirds of the time), and filters for the look-up of IDs.
func openDB(o Options, l *Log) (db *pebble.DB, err error) {
	po := &pebble.Options{
		FS:                          l.disk.fs,
		Logger:                      &logger{l: l, log: o.Log},
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: 8,
		L0CompactionThreshold:       8,
		L0StopWritesThreshold:       64,
		CacheSize:                   32 << 20,
		MaxOpenFiles:                512,
		EventListener:               &pebble.EventListener{DataCorruption: func(i pebble.DataCorruptionInfo) { o.Log.Error("a file of the log is damaged", "file", i.Path) }},
	}
	for i := range po.Levels {
		po.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("%v", p)
		}
	}()
	if db, err = pebble.Open(o.Dir, po); err == nil {
		err = l.broken()
	}
	return db, err
}

// load reads what is kept in memory: queues, counters, leases. Bodies stay
// where they are.
func (l *Log) load() error {
	meta, err := l.get([]byte{kindMeta})
	if err != nil {
		return damage("read the meta record", err)
	}
	if meta != nil {
		if l.mark, l.nextQueue, err = decodeMeta(meta); err != nil {
			return damage("read the meta record", err)
		}
	}
	// Above the mark, and above the clock: a restored backup has an old mark.
	l.token = max(l.mark, uint64(max(l.now().UnixMicro(), 1)))
	if err := l.reserve(l.token); err != nil {
		return err
	}
	return l.scan([]byte{kindQueue}, []byte{kindQueue + 1}, func(k, v []byte) error {
		r := reader{b: v}
		id := uint32(r.uvarint())
		var c bus.Config
		if err := json.Unmarshal(r.b, &c); err != nil || r.bad {
			return errRecord
		}
		q := newQueue(string(k[1:]), id, c)
		l.queues[q.name] = q
		return l.loadQueue(q)
	})
}

func (l *Log) loadQueue(q *queue) error {
	v, err := l.get(prefixed(kindCounters, q.id, 0))
	if err != nil {
		return err
	}
	if v != nil {
		if q.counters, err = decodeCounters(v); err != nil {
			return err
		}
	}
	q.durable, q.completed = q.next-1, q.Completed
	err = l.scan(prefixed(kindLease, q.id, 0), prefixed(kindLease, q.id+1, 0), func(k, v []byte) error {
		held, err := decodeLease(v)
		q.hold(number(k), held)
		return err
	})
	if err != nil {
		return err
	}
	if q.Delayed > 0 {
		q.nextDue = 0
	}
	from := q.Completed - min(q.Completed, uint64(min(max(q.config.KeepResults, 0), 100_000))) + 1
	return l.scan(numbered(kindResult, q.id, max(from, q.results)), prefixed(kindResult, q.id+1, 0), func(k, v []byte) error {
		r, err := decodeResult(number(k), v)
		q.recent.add(r.Number, r.Token, q.config.KeepResults)
		return err
	})
}

// scan calls f for each key from from to below to. Key and value are valid
// until f returns.
func (l *Log) scan(from, to []byte, f func(key, value []byte) error) error {
	it, err := l.db.NewIter(between(from, to))
	if err != nil {
		return damage("read the log", err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err == nil {
			err = f(it.Key(), v)
		}
		if errors.Is(err, errStop) {
			return nil
		}
		if err != nil {
			return damage(fmt.Sprintf("read key %q", it.Key()), err)
		}
	}
	if err := it.Error(); err != nil {
		return damage("read the log", err)
	}
	return nil
}

// errStop ends a scan early.
var errStop = errors.New("stop")

// get returns a value, nil when there is none.
func (l *Log) get(key []byte) ([]byte, error) {
	v, closer, err := l.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v = slices.Concat([]byte{}, v) // an empty value is not nil
	return v, closer.Close()
}

// item reads one item that must be there.
func (l *Log) item(q *queue, n uint64) (bus.Item, error) {
	v, err := l.get(numbered(kindItem, q.id, n))
	if err != nil {
		return bus.Item{}, err
	}
	it, err := decodeItem(v)
	return it.public(n), err
}

func between(from, to []byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: from, UpperBound: to}
}

// ever is a number above all.
const ever = math.MaxUint64

// stop ends a scan, with an error or without.
func stop(err error) error {
	if err != nil {
		return err
	}
	return errStop
}
