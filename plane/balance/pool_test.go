package balance

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"nagi.dev/plane/config"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func pool(t *testing.T, n int, change func(*config.Pool)) *Pool {
	t.Helper()
	spec := config.Pool{Name: "p"}
	for i := range n {
		spec.Endpoints = append(spec.Endpoints, config.Endpoint{Name: fmt.Sprint("e", i), Address: fmt.Sprintf("h:%d", i)})
	}
	if change != nil {
		change(&spec)
	}
	p, err := NewPool(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(now time.Time) Ask {
	return Ask{Now: now, Chance: rand.New(rand.NewPCG(1, 2)).Uint64, Key: []byte("0")}
}

// picks picks n times without ending a request and counts per endpoint.
func picks(t *testing.T, p *Pool, n int, a Ask) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		e, err := p.Pick(a)
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name]++
	}
	return got
}

func TestTheLessBusyOfTwoSpreadsByWeight(t *testing.T) {
	p := pool(t, 3, func(s *config.Pool) { s.Endpoints[0].Weight = 2 })
	got := picks(t, p, 4000, ask(noon))
	if got["e0"] < 1900 || got["e0"] > 2100 || got["e1"] < 900 || got["e2"] < 900 {
		t.Errorf("got %v", got)
	}
}

func TestRoundRobinIsExact(t *testing.T) {
	p := pool(t, 3, func(s *config.Pool) {
		s.Balance.Algorithm = config.RoundRobin
		s.Endpoints[0].Weight = 2
	})
	if got := picks(t, p, 400, ask(noon)); got["e0"] != 200 || got["e1"] != 100 || got["e2"] != 100 {
		t.Errorf("got %v", got)
	}
}

func TestRingBoundsTheLoad(t *testing.T) {
	p := pool(t, 4, func(s *config.Pool) { s.Balance = config.Balance{Algorithm: config.Ketama, BoundedLoad: 1.25} })
	got := picks(t, p, 100, ask(noon))
	for name, n := range got {
		if n > 33 {
			t.Errorf("%s has %d of 100 in flight; the bound is 1.25 × 25", name, n)
		}
	}
	if owner := p.endpoints[p.ring.PlaceWhere([]byte("0"), func(int) bool { return true })]; got[owner.Name] < 30 {
		t.Errorf("the owner %s has too few of %v", owner.Name, got)
	}
}

func TestEndpointsAreEjectedAndTriedAgain(t *testing.T) {
	p := pool(t, 2, func(s *config.Pool) { s.Health.Failures = 3 })
	bad := p.endpoints[0]
	fail := func(now time.Time) {
		bad.active++
		p.active++
		p.Done(bad, Failed, 0, now)
	}
	fail(noon)
	fail(noon)
	if !bad.open(noon) {
		t.Fatal("two failures do not eject")
	}
	fail(noon)
	if bad.open(noon) || bad.open(noon.Add(1999*time.Millisecond)) {
		t.Fatal("the third ejects for two seconds")
	}
	later := noon.Add(2 * time.Second)
	if !bad.open(later) {
		t.Fatal("after two seconds it is tried")
	}
	a := ask(later)
	a.Tried = []*Endpoint{p.endpoints[1]}
	if e, err := p.Pick(a); err != nil || e != bad {
		t.Fatalf("got %v, %v", e, err)
	}
	if bad.open(later) {
		t.Error("a trial is one request at a time")
	}
	p.Done(bad, Failed, 0, later)
	if bad.open(later.Add(3 * time.Second)) {
		t.Error("a failed trial ejects at once, and twice as long")
	}
	if e, err := p.Pick(Ask{Now: later.Add(4 * time.Second), Chance: func() uint64 { return 0 }, Tried: []*Endpoint{p.endpoints[1]}}); err != nil || e != bad {
		t.Fatal("the second trial")
	}
	p.Done(bad, Good, 0, later)
	if bad.trial || bad.ejected != 0 || !bad.open(later.Add(4*time.Second)) {
		t.Error("a good trial forgives all")
	}
}

func TestNeverTooManyAreEjected(t *testing.T) {
	for _, tt := range []struct {
		name             string
		endpoints, bound int
		algorithm        string
		ejected          int
	}{
		{"half of a pool stays", 4, 0, "", 2},
		{"a single one stays", 1, 0, "", 0},
		{"one of three may go", 3, 0, "", 1},
		{"all of a ring may go", 3, 0, config.Maglev, 3},
		{"as many as the document says", 4, 75, "", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pool(t, tt.endpoints, func(s *config.Pool) {
				s.Health = config.Health{Failures: 1, MaxEjected: tt.bound}
				s.Balance.Algorithm = tt.algorithm
			})
			out := 0
			for _, e := range p.endpoints {
				e.active++
				p.active++
				p.Done(e, Failed, 0, noon)
				if !e.open(noon) {
					out++
				}
			}
			if out != tt.ejected {
				t.Errorf("%d ejected, want %d", out, tt.ejected)
			}
		})
	}
}

func TestPickRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		pool *Pool
		prep func(*Pool)
		want error
	}{
		{"an empty pool", pool(t, 0, nil), nil, ErrNone},
		{"a pool of sick ones", pool(t, 1, nil), func(p *Pool) { p.Check("h:0", false) }, ErrSick},
		{"a drained one", pool(t, 1, func(s *config.Pool) { s.Endpoints[0].Drain = true }), nil, ErrSick},
		{"more than the limit", pool(t, 1, func(s *config.Pool) { s.Limits.MaxRequests = 1 }), func(p *Pool) { p.active = 1 }, ErrOverflow},
		{"one that was tried, where there is no other, is not refused", pool(t, 1, nil), nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prep != nil {
				tt.prep(tt.pool)
			}
			a := ask(noon)
			a.Tried = tt.pool.endpoints
			if _, err := tt.pool.Pick(a); err != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestWhatWasTriedIsAvoided(t *testing.T) {
	p := pool(t, 3, nil)
	for range 100 {
		a := ask(noon)
		a.Tried = p.endpoints[:2]
		if e, err := p.Pick(a); err != nil || e != p.endpoints[2] {
			t.Fatalf("got %v, %v", e, err)
		}
	}
}

func TestUpdateKeepsWhatIsKnown(t *testing.T) {
	p := pool(t, 2, nil)
	e, err := p.Pick(ask(noon))
	if err != nil {
		t.Fatal(err)
	}
	spec := p.Spec()
	spec.Endpoints = append([]config.Endpoint{{Name: "new", Address: "h:9"}}, spec.Endpoints...)
	p.update(spec, nil)
	stats, _ := p.Stats(noon)
	if len(stats) != 3 || stats[0].Name != "new" {
		t.Fatalf("got %v", stats)
	}
	p.Done(e, Good, 0, noon)
	if stats, _ = p.Stats(noon); p.active != 0 || stats[1].Active+stats[2].Active != 0 {
		t.Errorf("the request in flight was forgotten: %v", stats)
	}
}

func TestCopiesAnswerReads(t *testing.T) {
	p := pool(t, 2, func(s *config.Pool) {
		s.Balance.Algorithm = config.Ketama
		s.Endpoints[0].Copies = []string{"c:0", "c:1"}
		s.Endpoints[1].Drain = true
	})
	reads := picks(t, p, 9, Ask{Now: noon, Read: true, Key: []byte("k")})
	if reads["e0"] != 3 || reads["e0/0"] != 3 || reads["e0/1"] != 3 {
		t.Errorf("reads went to %v", reads)
	}
	if writes := picks(t, p, 3, Ask{Now: noon, Key: []byte("k")}); writes["e0"] != 3 {
		t.Errorf("writes went to %v", writes)
	}
	p.Check("h:0", false)
	if reads = picks(t, p, 4, Ask{Now: noon, Read: true, Key: []byte("k")}); reads["e0"] != 0 {
		t.Errorf("a sick owner got %v", reads)
	}
	if _, err := p.Pick(Ask{Now: noon, Key: []byte("k")}); err != ErrSick {
		t.Errorf("a write without its owner: %v", err)
	}
}
