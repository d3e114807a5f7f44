package loop

import "time"

// A Timer calls its function once, on the loop, when its time has come.
type Timer struct {
	l  *Loop
	f  func()
	at time.Duration // when it is due, by the loop's clock
	in time.Duration // the time by which the heap has ordered it: never after at
	i  int           // its place in the heap; -1: it does not run
}

// After makes a Timer that runs in d.
func (l *Loop) After(d time.Duration, f func()) *Timer {
	t := &Timer{l: l, f: f, i: -1}
	t.Reset(d)
	return t
}

// Reset starts t anew. To put off a timer that runs costs next to nothing: it
// moves when its old time has come.
func (t *Timer) Reset(d time.Duration) {
	t.at = t.l.now + max(d, 0)
	if t.i >= 0 && t.at >= t.in {
		return
	}
	t.Stop()
	t.in = t.at
	t.l.timers.push(t)
}

// Stop ends t; its function is not called.
func (t *Timer) Stop() {
	if t.i >= 0 {
		t.l.timers.remove(t.i)
	}
}

// Running says whether t's time is still to come.
func (t *Timer) Running() bool { return t.i >= 0 }

// fire calls what is due.
func (l *Loop) fire() {
	for len(l.timers) > 0 && l.timers[0].in <= l.now {
		t := l.timers[0]
		l.timers.remove(0)
		if t.at > l.now {
			t.in = t.at
			l.timers.push(t)
			continue
		}
		t.f()
	}
}

// timers is a heap, the earliest first.
type timers []*Timer

func (h *timers) push(t *Timer) {
	*h = append(*h, t)
	h.up(len(*h)-1, t)
}

func (h *timers) remove(i int) {
	s := *h
	last := len(s) - 1
	t := s[last]
	s[i].i = -1
	s[last] = nil
	*h = s[:last]
	if i == last {
		return
	}
	h.down(i, t)
	h.up(t.i, t)
}

func (h timers) up(i int, t *Timer) {
	for i > 0 {
		p := (i - 1) / 2
		if h[p].in <= t.in {
			break
		}
		h[i] = h[p]
		h[i].i = i
		i = p
	}
	h[i] = t
	t.i = i
}

func (h timers) down(i int, t *Timer) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			break
		}
		if c+1 < len(h) && h[c+1].in < h[c].in {
			c++
		}
		if h[c].in >= t.in {
			break
		}
		h[i] = h[c]
		h[i].i = i
		i = c
	}
	h[i] = t
	t.i = i
}
