package loop

import (
	"slices"
	"testing"
	"time"
)

func TestTimersFireInOrder(t *testing.T) {
	l := start(t)
	got := make(chan []int)
	l.Post(func() {
		var order []int
		add := func(i int) func() { return func() { order = append(order, i) } }
		l.After(3*time.Millisecond, add(3))
		l.After(time.Millisecond, add(1))
		l.After(0, add(0)).Stop()
		late := l.After(2*time.Millisecond, add(9))
		late.Reset(7 * time.Millisecond)
		early := l.After(time.Hour, add(2))
		early.Reset(2 * time.Millisecond)
		l.After(8*time.Millisecond, func() { got <- order })
	})
	if order := <-got; !slices.Equal(order, []int{1, 2, 3, 9}) {
		t.Errorf("got %v", order)
	}
}

func FuzzTimers(f *testing.F) {
	f.Add([]byte{5, 3, 200, 7, 1, 129})
	f.Fuzz(func(t *testing.T, ops []byte) {
		l := &Loop{}
		var all []*Timer
		due := map[*Timer]time.Duration{}
		for _, op := range ops {
			switch {
			case op < 128 || len(all) == 0:
				var x *Timer
				x = l.After(time.Duration(op), func() {
					if due[x] > l.now {
						t.Fatalf("fired at %d, due at %d", l.now, due[x])
					}
					delete(due, x)
				})
				due[x] = l.now + time.Duration(op)
				all = append(all, x)
			case op < 192:
				x := all[int(op)%len(all)]
				x.Reset(time.Duration(op))
				due[x] = l.now + time.Duration(op)
			case op < 224:
				x := all[int(op)%len(all)]
				x.Stop()
				delete(due, x)
			default:
				l.now += time.Duration(op - 200)
				l.fire()
			}
		}
		l.now += time.Hour
		l.fire()
		if len(due) > 0 || len(l.timers) > 0 {
			t.Fatalf("%d timers never fired", len(due))
		}
	})
}
