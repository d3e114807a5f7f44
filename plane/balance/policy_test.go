package balance

import (
	"fmt"
	"testing"
	"time"

	"nagi.dev/plane/config"
)

func TestBudgetHoldsItsShare(t *testing.T) {
	b := NewHedgeBudget(2)
	taken := 0
	for range 10000 {
		b.Request()
		if b.Take(noon) {
			taken++
		}
	}
	if taken < 195 || taken > 201 {
		t.Errorf("%d of 10000, want 2 %%", taken)
	}
}

func TestRetryBudgetHasAReserve(t *testing.T) {
	b := NewRetryBudget(20)
	taken := 0
	for b.Take(noon) {
		taken++
	}
	if taken != 100 || b.Denied() != 1 {
		t.Errorf("took %d, denied %d", taken, b.Denied())
	}
	if !b.Take(noon.Add(time.Second)) {
		t.Error("a second fills it by one")
	}
}

func TestLimiter(t *testing.T) {
	l := NewLimiter(config.RateLimit{PerSecond: 10, Burst: 3, MaxKeys: 2})
	allowed := func(key string, now time.Time) (n int) {
		for {
			ok, wait := l.Allow([]byte(key), now)
			if !ok {
				if wait <= 0 || wait > 100*time.Millisecond {
					t.Errorf("wait %s", wait)
				}
				return n
			}
			n++
		}
	}
	for _, tt := range []struct {
		name, key string
		after     time.Duration
		want      int
	}{
		{"a burst passes", "a", 0, 3},
		{"another key has its own", "b", 0, 3},
		{"a tenth of a second is worth one", "a", 100 * time.Millisecond, 1},
		{"a long rest is worth a burst", "a", time.Minute, 3},
		{"a third key takes the place of the longest unused", "c", time.Minute, 3},
		{"which begins anew", "b", time.Minute, 3},
	} {
		if got := allowed(tt.key, noon.Add(tt.after)); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
		if len(l.keys) > 2 || l.recent.Len() != len(l.keys) {
			t.Errorf("%s: %d keys", tt.name, len(l.keys))
		}
	}
}

func TestSplitFollowsTheWeights(t *testing.T) {
	nine := NewSplit([]string{"a", "b"}, []int{9, 1})
	eight := NewSplit([]string{"a", "b"}, []int{8, 2})
	second, moved := 0, 0
	for i := range 20000 {
		v := Hash([]byte(fmt.Sprint("10.0.", i)))
		second += nine.Arm(v)
		if nine.Arm(v) != eight.Arm(v) {
			moved++
		}
	}
	if second < 1850 || second > 2150 {
		t.Errorf("%d of 20000 to the arm of one tenth", second)
	}
	if moved < 1850 || moved > 2150 {
		t.Errorf("a change of a tenth moved %d of 20000", moved)
	}
}

func TestCookieNamesAPlace(t *testing.T) {
	p := pool(t, 5, nil)
	s := NewSplit([]string{"a", "b"}, []int{1, 1})
	cookie := s.Cookie(1, p.endpoints[3])
	arm, home, ok := s.Place(cookie)
	if !ok || arm != 1 {
		t.Fatalf("got %d %v", arm, ok)
	}
	a := ask(noon)
	a.Sticky = home
	for range 10 {
		if e, err := p.Pick(a); err != nil || e != p.endpoints[3] {
			t.Fatalf("got %v, %v", e, err)
		}
	}
	p.Check("h:3", false)
	if e, err := p.Pick(a); err != nil || e == p.endpoints[3] {
		t.Errorf("a sick home: got %v, %v", e, err)
	}
	for _, forged := range []string{"", ".", "x", "1.2", cookie + "!", "zzzzzzzzzzzz.1"} {
		if _, _, ok := s.Place(forged); ok {
			t.Errorf("%q is a place", forged)
		}
	}
	if _, _, ok := NewSplit([]string{"a", "b"}, []int{1, 0}).Place(cookie); ok {
		t.Error("an arm without weight is no place")
	}
}

func TestAnEndpointThatLeavesMovesOnlyItsClients(t *testing.T) {
	p := pool(t, 5, nil)
	at := func(i int) *Endpoint {
		a := ask(noon)
		a.Sticky = Sticky{Value: Hash([]byte(fmt.Sprint(i)))}
		e, err := p.Pick(a)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	before := map[int]*Endpoint{}
	for i := range 500 {
		before[i] = at(i)
	}
	p.Check("h:2", false)
	for i := range 500 {
		if now := at(i); now != before[i] && before[i] != p.endpoints[2] {
			t.Fatalf("client %d moved from %s to %s", i, before[i].Name, now.Name)
		}
	}
}

func TestQuantile(t *testing.T) {
	q := NewQuantile(0.95)
	for i := range 3000 {
		q.Add(time.Duration(i%100+1) * time.Millisecond)
	}
	if v := q.Value(); v < 90*time.Millisecond || v > 110*time.Millisecond {
		t.Errorf("got %s for 95 ms", v)
	}
	for range 8000 {
		q.Add(time.Millisecond)
	}
	if v := q.Value(); v > 2*time.Millisecond {
		t.Errorf("the past weighs too much: %s", v)
	}
}

func TestCellsHoldWhatTheySay(t *testing.T) {
	for us := range 100000 {
		d := time.Duration(us) * time.Microsecond
		if i := cell(d); d >= edge(i) || i > 0 && d < edge(i-1) {
			t.Fatalf("%s is in the cell up to %s", d, edge(i))
		}
	}
}
