package redis

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nagi.dev/plane/config"
)

// ejecting is a pool that takes failing shards out at once.
func ejecting(_ *config.Listener, p *config.Pool) {
	p.Balance.EjectHosts = true
	p.Timeout = config.Duration(300 * time.Millisecond)
	p.Health = config.Health{Failures: 1, EjectFor: config.Duration(200 * time.Millisecond)}
}

// A crowd asks without pause and counts what goes wrong.
type crowd struct {
	asked, failed atomic.Int64
	each          [8]atomic.Int64 // asked, by client
	mu            sync.Mutex
	errors        map[string]int
	stop          chan struct{}
	all           sync.WaitGroup
}

func load(t *testing.T, address string) *crowd {
	c := &crowd{stop: make(chan struct{}), errors: map[string]int{}}
	for i := range c.each {
		u := dial(t, address)
		c.all.Go(func() { c.ask(t, u, i) })
	}
	t.Cleanup(c.end)
	return c
}

func (c *crowd) end() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.all.Wait()
}

func (c *crowd) ask(t *testing.T, u *user, who int) {
	for n := 0; ; n++ {
		select {
		case <-c.stop:
			return
		default:
		}
		u.send(fmt.Sprintf("SET w%d-%d v", who, n%500))
		got, err := readReply(u.r)
		if err != nil {
			t.Errorf("client %d: %v", who, err)
			return
		}
		if got != "+OK" {
			c.failed.Add(1)
			c.mu.Lock()
			c.errors[got]++
			c.mu.Unlock()
		}
		c.asked.Add(1)
		c.each[who].Add(1)
	}
}

// quiet expects no error in n requests that have not begun yet.
func (c *crowd) quiet(t *testing.T, when string, n int64) {
	t.Helper()
	var before [8]int64
	for i := range before {
		before[i] = c.each[i].Load()
	}
	until(t, "what was in flight is answered", func() bool {
		for i := range before {
			if c.each[i].Load() < before[i]+1 {
				return false
			}
		}
		return true
	})
	failed, from := c.failed.Load(), c.asked.Load()
	until(t, "the crowd asks on", func() bool { return c.asked.Load() >= from+n })
	if more := c.failed.Load() - failed; more > 0 {
		c.mu.Lock()
		t.Errorf("%s: %d errors: %v", when, more, c.errors)
		c.mu.Unlock()
	}
}

// stateOf says whether a shard is up, as the proxy tells.
func stateOf(t *testing.T, p *plane, shard int) string {
	info := dial(t, p.address).do("INFO")
	_, rest, _ := strings.Cut(info, fmt.Sprintf("shard%d:", shard))
	_, rest, _ = strings.Cut(rest, "state=")
	s, _, _ := strings.Cut(rest, ",")
	return s
}

func awaitState(t *testing.T, p *plane, shard int, want string) {
	t.Helper()
	until(t, fmt.Sprintf("shard %d is %s", shard, want), func() bool { return stateOf(t, p, shard) == want })
}

func TestAShardThatDiesCostsOnlyWhatWasInFlight(t *testing.T) {
	p, servers := three(t, ejecting)
	c := load(t, p.address)
	c.quiet(t, "before", 500)
	servers[1].kill()
	awaitState(t, p, 1, "down")
	c.quiet(t, "after the ejection", 2000)
	if n := c.failed.Load(); n > 8 {
		t.Errorf("%d requests failed; eight clients have one in flight each", n)
	}
	runRedis(t, servers[1].address)
	awaitState(t, p, 1, "up")
	c.quiet(t, "after the return", 2000)
}

func TestAShardThatStandsStillCostsOneTimeout(t *testing.T) {
	p, servers := three(t, ejecting)
	c := load(t, p.address)
	c.quiet(t, "before", 500)
	begun := time.Now()
	stopped := servers[2].cmd.Process
	_ = stopped.Signal(syscall.SIGSTOP)
	defer func() { _ = stopped.Signal(syscall.SIGCONT) }()
	awaitState(t, p, 2, "down")
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %s to notice", took)
	}
	c.quiet(t, "after the ejection", 2000)
	c.mu.Lock()
	for e := range c.errors {
		if !strings.Contains(e, "shard shard-2 (") || !strings.Contains(e, "no reply in 300ms") {
			t.Errorf("a client read %q", e)
		}
	}
	c.mu.Unlock()
	_ = stopped.Signal(syscall.SIGCONT)
	awaitState(t, p, 2, "up")
	c.quiet(t, "after the return", 2000)
}

// fake is a shard of bad manners.
func fake(t *testing.T, answer func(c net.Conn)) string {
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	go func() {
		for {
			c, err := n.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(c)
			}()
		}
	}()
	return n.Addr().String()
}

func TestBadShardsLeaveTheRing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(c net.Conn)
		want   string
	}{
		{"one that answers with nonsense", func(c net.Conn) { each(c, "HTTP/1.1 400 Bad Request\r\n") }, "its bytes are no reply: a reply begins with"},
		{"one that answers what nobody asked", func(c net.Conn) { each(c, "+OK\r\n+OK\r\n+OK\r\n") }, "a reply that nobody asked for"},
		{"one that breaks off in a reply", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 100))
			_, _ = c.Write([]byte("$100\r\nabc"))
		}, "it closed the connection"},
		{"one that closes at once", func(net.Conn) {}, ""},
		{"one that is slower than the timeout", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 100))
			_, _ = c.Read(make([]byte, 1<<20)) // for ever
			select {}
		}, "no reply in 300ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := free(t, 2)
			runRedis(t, a[0])
			runRedis(t, a[1])
			p := planeOf(t, append(a, fake(t, tt.answer)), ejecting)
			c := load(t, p.address)
			awaitState(t, p, 2, "down")
			c.quiet(t, "after the ejection", 1000)
			c.mu.Lock()
			defer c.mu.Unlock()
			for e := range c.errors {
				if !strings.Contains(e, tt.want) || !strings.HasPrefix(e, "-ERR nagi: shard shard-2 (") {
					t.Errorf("a client read %q", e)
				}
			}
		})
	}
}

// each answers everything that is read.
func each(c net.Conn, with string) {
	b := make([]byte, 4096)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
		if _, err := c.Write([]byte(with)); err != nil {
			return
		}
	}
}

func TestWithoutEjectionOnlyTheKeysOfADeadShardFail(t *testing.T) {
	a := free(t, 3)
	runRedis(t, a[0])
	runRedis(t, a[1])
	p := planeOf(t, a, nil)
	u := dial(t, p.address)
	failed := 0
	for i := range 300 {
		got := u.do(fmt.Sprint("SET k", i, " v"))
		if strings.HasPrefix(got, "-ERR nagi: shard shard-2 (") && strings.Contains(got, "connection refused") {
			failed++
		} else if got != "+OK" {
			t.Fatal(got)
		}
	}
	if failed < 50 || failed > 150 {
		t.Errorf("%d of 300 failed", failed)
	}
	runRedis(t, a[2])
	awaitState(t, p, 2, "up")
	for i := range 300 {
		if got := u.do(fmt.Sprint("SET k", i, " v")); got != "+OK" {
			t.Fatal(got)
		}
	}
}

func TestAPingFindsAShardThatNobodyAsks(t *testing.T) {
	p, servers := three(t, func(l *config.Listener, p *config.Pool) {
		ejecting(l, p)
		p.Health.Active = &config.ActiveCheck{Interval: config.Duration(50 * time.Millisecond), Timeout: config.Duration(100 * time.Millisecond)}
	})
	awaitState(t, p, 0, "up")
	stopped := servers[0].cmd.Process
	_ = stopped.Signal(syscall.SIGSTOP)
	defer func() { _ = stopped.Signal(syscall.SIGCONT) }()
	awaitState(t, p, 0, "down")
	_ = stopped.Signal(syscall.SIGCONT)
	awaitState(t, p, 0, "up")
}

func TestAChangeOfShardsReachesClientsThatAreThere(t *testing.T) {
	p, servers := three(t, nil)
	c := load(t, p.address)
	c.quiet(t, "before", 300)
	fourth := free(t, 1)
	runRedis(t, fourth[0])
	four := []string{servers[0].address, servers[1].address, servers[2].address, fourth[0]}
	p.apply(four, nil)
	c.quiet(t, "with four", 2000)
	u := dial(t, fourth[0])
	if n := u.do("DBSIZE"); n == ":0" {
		t.Error("the fourth shard has no key")
	}
	p.apply(four[:2], nil)
	c.quiet(t, "with two", 2000)
	before := u.do("DBSIZE")
	c.quiet(t, "with two", 1000)
	if after := u.do("DBSIZE"); after != before {
		t.Errorf("a shard that is gone still gets keys: %s, then %s", before, after)
	}
}

func TestMemoryStaysBoundedWhenAShardStandsStill(t *testing.T) {
	p, servers := three(t, func(_ *config.Listener, p *config.Pool) { p.Timeout = config.Duration(3 * time.Second) })
	_ = servers[0].cmd.Process.Signal(syscall.SIGSTOP)
	defer func() { _ = servers[0].cmd.Process.Signal(syscall.SIGCONT) }()
	u := dial(t, p.address)
	key := ""
	for i := range 100 { // one whose shard stands still
		k := fmt.Sprint("x", i)
		u.send("GET " + k)
		_ = u.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := readReply(u.r); err != nil {
			key = k
			break
		}
	}
	if key == "" {
		t.Fatal("no key belongs to the shard that stands still")
	}
	value := strings.Repeat("x", 1<<20)
	var all sync.WaitGroup
	var refused atomic.Int64
	for range 100 {
		w := dial(t, p.address)
		all.Go(func() {
			_, _ = w.Write(encode(nil, []byte("SET"), []byte(key), []byte(value)))
			got, err := readReply(w.r)
			if err != nil || !strings.HasPrefix(got, "-ERR nagi: shard") {
				t.Errorf("got %.100q, %v", got, err)
			}
			if strings.Contains(got, "queue is full") {
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if refused.Load() < 30 {
		t.Errorf("only %d of 100 requests of 1 MiB were refused at once, with a bound of %d MiB", refused.Load(), 32)
	}
}
