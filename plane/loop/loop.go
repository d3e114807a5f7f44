package loop

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readSize  = 256 << 10 // of the one buffer that all connections read into
	perTurn   = 4         // full buffers that one connection may read in a turn
	eventsMax = 512
)

// ErrStopped is why connections close when the loop stops.
var ErrStopped = errors.New("the proxy stops")

// A Loop runs connections, listeners and timers on one thread.
type Loop struct {
	ep, wakeFD int
	start      time.Time
	now        time.Duration
	fds        []pollable // by descriptor
	buf        []byte
	buffers    buffers
	timers     timers
	dirty      [2][]*Conn // dialled, accepted: they have something to write
	ready      []*Conn    // to be read again without an event
	closing    []*Conn
	resolving  map[*Conn]bool
	conns      int // accepted and not closed
	draining   bool
	stopped    bool

	mu     sync.Mutex // guards posted and ended
	posted []func()
	ended  bool
	awake  atomic.Bool // an event for posted is on its way
}

// A pollable is what stands behind a descriptor.
type pollable interface {
	event(l *Loop, events uint32)
}

// New makes a loop that Run starts.
func New() (*Loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make event loop: %w", err)
	}
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(ep)
		return nil, fmt.Errorf("make event loop: %w", err)
	}
	l := &Loop{ep: ep, wakeFD: fd, start: time.Now(), buf: make([]byte, readSize), resolving: map[*Conn]bool{}}
	if err := l.add(fd, unix.EPOLLIN, waker(fd)); err != nil {
		_, _ = unix.Close(ep), unix.Close(fd)
		return nil, fmt.Errorf("make event loop: %w", err)
	}
	return l, nil
}

// Now is the time of this turn, counted from the loop's start.
func (l *Loop) Now() time.Duration { return l.now }

// Conns is how many accepted connections are open.
func (l *Loop) Conns() int { return l.conns }

// Run runs the loop on this goroutine until Stop, or until a Drain has ended.
// Every connection is closed, and told so, before it returns.
func (l *Loop) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	events := make([]unix.EpollEvent, eventsMax)
	for !l.stopped {
		n, err := l.wait(events)
		if err != nil {
			return fmt.Errorf("wait for events: %w", err)
		}
		l.now = time.Since(l.start)
		l.dispatch(events[:n])
		l.fire()
		l.settle()
		if l.draining && l.conns == 0 {
			l.stopped = true
		}
	}
	l.end()
	return nil
}

// wait returns what is ready; it sleeps only when nothing is.
func (l *Loop) wait(events []unix.EpollEvent) (int, error) {
	if n := poll(l.ep, events); n > 0 || len(l.ready) > 0 {
		return n, nil
	}
	timeout := -1
	if len(l.timers) > 0 {
		until := l.timers[0].in - time.Since(l.start)
		timeout = int(max(0, min(until+time.Millisecond-1, time.Hour)) / time.Millisecond)
	}
	n, err := unix.EpollWait(l.ep, events, timeout)
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	return n, err
}

func (l *Loop) dispatch(events []unix.EpollEvent) {
	ready := len(l.ready)
	for i := range events {
		if p := l.fds[events[i].Fd]; p != nil {
			p.event(l, events[i].Events)
		}
	}
	for i := range ready {
		c := l.ready[i]
		c.queued = false
		l.read(c)
	}
	l.ready = l.ready[:copy(l.ready, l.ready[ready:])]
}

// settle writes and closes until nothing is left to do. A descriptor is closed
// only here, so that no event of this turn meets a new connection with its number.
func (l *Loop) settle() {
	for len(l.dirty[0])+len(l.dirty[1])+len(l.closing) > 0 {
		l.flushAll(0)
		l.flushAll(1)
		for i := 0; i < len(l.closing); i++ {
			l.reap(l.closing[i])
		}
		clear(l.closing)
		l.closing = l.closing[:0]
	}
}

// end closes everything.
func (l *Loop) end() {
	l.stopped = true
	for _, p := range l.fds {
		switch p := p.(type) {
		case *Conn:
			p.fail(ErrStopped)
		case *Listener:
			p.Close()
		}
	}
	for c := range l.resolving {
		c.fail(ErrStopped)
	}
	l.settle()
	l.mu.Lock()
	l.ended = true
	left := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range left {
		f() // whoever waits in Do must not wait forever
	}
	l.settle()
	_, _ = unix.Close(l.ep), unix.Close(l.wakeFD)
}

// add puts p behind fd.
func (l *Loop) add(fd int, events uint32, p pollable) error {
	for len(l.fds) <= fd {
		l.fds = append(l.fds, nil)
	}
	if err := unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return err
	}
	l.fds[fd] = p
	return nil
}
