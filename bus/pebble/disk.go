package pebble

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"nagi.dev/bus"
)

// A disk is the folder's file system: it knows how much room is left, and
// keeps a ballast that is given up when none is.
type disk struct {
	fs      vfs.FS // gives the ballast up by itself
	bare    vfs.FS
	dir     string
	ballast string
	size    int64 // of the ballast
	minFree int64
	now     func() time.Time
	log     *slog.Logger

	looked atomic.Int64 // when, ns
	free   atomic.Int64 // bytes then
	full   atomic.Bool  // the ballast was given up
}

func newDisk(o Options) *disk {
	d := &disk{bare: o.FS, dir: o.Dir, ballast: o.FS.PathJoin(o.Dir, "BALLAST"), size: o.Ballast, minFree: o.MinFree, now: time.Now, log: o.Log}
	d.fs = newSpareFS(vfs.OnDiskFull(o.FS, d.giveUp), o.Dir, memTable)
	return d
}

// room refuses when the disk is nearly full. It asks four times a second at most.
func (d *disk) room() error {
	if d.minFree < 0 && !d.full.Load() {
		return nil
	}
	now := d.now().UnixNano()
	if last := d.looked.Load(); now-last > int64(250*time.Millisecond) && d.looked.CompareAndSwap(last, now) {
		d.look()
	}
	if free := d.free.Load(); free < max(d.minFree, 0) {
		return fmt.Errorf("%d bytes of the disk under %s are free, %d are kept: make room or truncate: %w", free, d.dir, d.minFree, bus.ErrFull)
	}
	if d.full.Load() {
		return fmt.Errorf("the disk under %s ran full: make room: %w", d.dir, bus.ErrFull)
	}
	return nil
}

func (d *disk) look() {
	u, err := d.bare.GetDiskUsage(d.dir)
	if err != nil {
		d.free.Store(1<<63 - 1) // a file system that cannot tell has no limit
	} else {
		d.free.Store(int64(min(u.AvailBytes, 1<<63-1)))
	}
	if d.full.Load() && d.free.Load() > max(d.minFree, 0)+2*d.size {
		d.layBallast()
	}
}

// layBallast takes room that nobody else can take then.
func (d *disk) layBallast() {
	if d.size <= 0 {
		return
	}
	if s, err := d.bare.Stat(d.ballast); err == nil && s.Size() >= d.size {
		d.full.Store(false)
		return
	}
	err := d.writeBallast()
	if err != nil {
		_ = d.bare.Remove(d.ballast) // half of it helps nobody
		d.log.Warn("no ballast against a full disk", "error", err)
	}
	d.full.Store(errors.Is(err, syscall.ENOSPC))
}

func (d *disk) writeBallast() error {
	f, err := d.bare.Create(d.ballast, "nagi-bus")
	if err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for left := d.size; left > 0 && err == nil; left -= int64(len(block)) {
		_, err = f.Write(block[:min(left, int64(len(block)))])
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// giveUp frees the ballast. The write that found the disk full is tried again.
func (d *disk) giveUp() {
	if d.full.Swap(true) {
		return
	}
	d.log.Error("the disk is full: the ballast is given up, new items are refused", "dir", d.dir)
	_ = d.bare.Remove(d.ballast) // if it cannot be, the write fails again and says so
}
