package loop

import "golang.org/x/sys/unix"

// Post has f called on the loop. Any goroutine may call it. It says false when
// the loop has ended and f will never be called.
func (l *Loop) Post(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.posted = append(l.posted, f)
	if l.awake.CompareAndSwap(false, true) {
		_, _ = unix.Write(l.wakeFD, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
	return true
}

// Do has f called on the loop and returns after it. It says false when the loop
// has ended. The loop's own thread must not call it.
func (l *Loop) Do(f func()) bool {
	done := make(chan struct{})
	if !l.Post(func() { f(); close(done) }) {
		return false
	}
	<-done
	return true
}

// Stop ends Run. Any goroutine may call it.
func (l *Loop) Stop() { l.Post(func() { l.stopped = true }) }

// Drain closes the listeners and asks each accepted connection to end; Run
// returns after the last of them. It is called on the loop.
func (l *Loop) Drain() {
	l.draining = true
	for _, p := range l.fds {
		switch p := p.(type) {
		case *Listener:
			p.Close()
		case *Conn:
			p.drain()
		}
	}
}

func (c *Conn) drain() {
	if c.from == nil || c.state != open {
		return
	}
	if d, ok := c.h.(Drainer); ok {
		d.Drain(c)
		return
	}
	c.Finish()
}

// A waker is the descriptor that Post writes to.
type waker int

func (w waker) event(l *Loop, _ uint32) {
	var b [8]byte
	_, _ = read(int32(w), b[:])
	l.awake.Store(false)
	l.mu.Lock()
	work := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range work {
		f()
	}
}
