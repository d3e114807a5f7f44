package redis

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"nagi.dev/plane/config"
)

// A talk is commands and what each must answer; a final * stands for anything.
func talk(t *testing.T, u *user, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		command, want, ok := strings.Cut(strings.TrimSpace(line), " => ")
		if !ok {
			continue
		}
		got := u.do(command)
		if prefix, any := strings.CutSuffix(want, "*"); got != want && !(any && strings.HasPrefix(got, prefix)) {
			t.Errorf("%s: got %q, want %q", command, got, want)
		}
	}
}

func TestCommands(t *testing.T) {
	p, _ := three(t, nil)
	for _, tt := range []struct{ name, lines string }{
		{"single keys", `
			SET a 1 => +OK
			get a => 1
			INCR a => :2
			GET nothing => nil
			HSET h f v => :1
			HGETALL h => [f v]
			LPUSH a x => -WRONGTYPE*
			STRLEN => -ERR wrong number of arguments for 'strlen' command`},
		{"keys of many shards", `
			MSET k1 1 k2 2 k3 3 k4 4 k5 5 k6 6 => +OK
			MGET k6 none k1 k2 k3 k4 k5 k1 => [6 nil 1 2 3 4 5 1]
			EXISTS k1 k2 k3 k4 k5 k6 none => :6
			TOUCH k1 k2 none => :2
			UNLINK k1 k2 k3 => :3
			DEL k1 k4 k5 k6 => :3
			MSET k1 => -ERR wrong number of arguments for 'mset' command
			MSET k1 1 k2 => -ERR wrong number of arguments for 'mset' command`},
		{"keys that must be together", `
			SUNIONSTORE {t}d {t}a {t}b => :0
			RENAME s1 zebra => -ERR nagi: RENAME: keys "s1" and "zebra" belong to different shards; give them one hash tag
			EVAL return{KEYS[1],ARGV[1]} 1 a x => [a x]
			EVAL return{KEYS[1],KEYS[2]} 2 {t}a {t}b => [{t}a {t}b]
			EVAL return{} 0 => -ERR nagi: EVAL: it names no key*
			EVAL return{} 9 a => -ERR nagi: EVAL: the number of keys is wrong
			ZADD {t}z 1 m => :1
			ZUNIONSTORE {t}o 2 {t}z {t}z => :1
			BITOP AND {t}r {t}x {t}y => :0
			OBJECT REFCOUNT {t}z => :1`},
		{"what the proxy answers", `
			PING => +PONG
			PING hello => hello
			ECHO hello => hello
			SELECT 0 => +OK
			SELECT 1 => -ERR nagi: SELECT 1 is refused: clients share connections, and those are at database 0
			CLIENT SETNAME me => +OK
			CLIENT GETNAME => me
			CLIENT TRACKING ON => -ERR nagi: CLIENT TRACKING is refused*
			CLIENT SETINFO LIB-NAME x => +OK
			CONFIG GET save => []
			COMMAND DOCS => []
			HELLO 4 => -NOPROTO*
			HELLO 2 => [server redis version*
			AUTH x => -ERR AUTH <password> called without any password*
			RESET => +RESET
			ROLE => [master :0 []]
			INFO => # Server*`},
		{"what it refuses", `
			NOSUCH a => -ERR nagi: command "NOSUCH" is not known
			KEYS x => -ERR nagi: command KEYS is refused: it looks at every key of every shard at once; use SCAN
			FLUSHALL => -ERR nagi: command FLUSHALL is refused: it would empty*
			CLUSTER NODES => -ERR nagi: command CLUSTER is refused: it is for the nodes*
			WAIT 1 1 => -ERR nagi: command WAIT is refused*`},
		{"transactions", `
			MULTI => +OK
			SET {t}1 a => +QUEUED
			APPEND {t}1 b => +QUEUED
			MGET {t}1 {t}2 => +QUEUED
			EXEC => [+OK :2 [ab nil]]
			GET {t}1 => ab
			MULTI => +OK
			EXEC => []
			MULTI => +OK
			SET {t}1 z => +QUEUED
			DISCARD => +OK
			GET {t}1 => ab
			EXEC => -ERR EXEC without MULTI
			MULTI => +OK
			MULTI => -ERR MULTI calls can not be nested
			DISCARD => +OK
			MULTI => +OK
			SET s1 a => +QUEUED
			SET zebra a => -ERR nagi: SET: its key belongs to shard*
			EXEC => -EXECABORT*
			GET s1 => nil
			MULTI => +OK
			PING => -ERR nagi: PING is not possible in MULTI
			EXEC => -EXECABORT*`},
		{"watched keys", `
			SET {w} 1 => +OK
			WATCH {w} => +OK
			GET {w} => 1
			MULTI => +OK
			INCR {w} => +QUEUED
			EXEC => [:2]
			WATCH {w} => +OK
			SET {w} 5 => +OK
			MULTI => +OK
			INCR {w} => +QUEUED
			EXEC => nil
			WATCH {w} => +OK
			SET {w} 6 => +OK
			UNWATCH => +OK
			MULTI => +OK
			INCR {w} => +QUEUED
			EXEC => [:7]`},
		{"scripts of all shards", `
			SCRIPT LOAD return{KEYS[1]} => *
			SCRIPT FLUSH => +OK
			SCRIPT KILL => -ERR nagi: SCRIPT KILL is refused*`},
		{"scripts by name", `
			EVALSHA 1 1 a => -NOSCRIPT*`},
	} {
		t.Run(tt.name, func(t *testing.T) { talk(t, dial(t, p.address), tt.lines) })
	}
}

func TestABlockingCommandHoldsNobodyElse(t *testing.T) {
	p, servers := three(t, nil)
	waiting, other := dial(t, p.address), dial(t, p.address)
	waiting.send("BLPOP {q} 0")
	waiting.send("PING")
	if got := other.do("GET {q}x"); got != "nil" {
		t.Errorf("got %q", got)
	}
	if got := other.do("RPUSH {q} v"); got != ":1" {
		t.Errorf("got %q", got)
	}
	if got := waiting.read(); got != "[{q} v]" {
		t.Errorf("got %q", got)
	}
	if got := waiting.read(); got != "+PONG" {
		t.Errorf("got %q", got)
	}
	// One that goes away while it waits frees its connection.
	blocked := func(n int) func() bool {
		return func() bool {
			sum := 0
			for _, s := range servers {
				sum += strings.Count(dial(t, s.address).do("INFO clients"), "blocked_clients:1")
			}
			return sum == n
		}
	}
	gone := dial(t, p.address)
	gone.send("BLPOP {q} 0")
	until(t, "a shard has a client that waits", blocked(1))
	_ = gone.Close()
	until(t, "no shard has a client that waits", blocked(0))
}

func TestMessages(t *testing.T) {
	p, _ := three(t, nil)
	sub, pub := dial(t, p.address), dial(t, p.address)
	talk(t, sub, `
		UNSUBSCRIBE => [unsubscribe nil :0]
		SUBSCRIBE c => [subscribe c :1]
		PSUBSCRIBE d* => [psubscribe d* :2]
		GET a => -ERR Can't execute 'get'*
		PING => [pong ]`)
	if got := pub.do("PUBLISH c hello"); got != ":1" {
		t.Errorf("got %q", got)
	}
	if got := sub.read(); got != "[message c hello]" {
		t.Errorf("got %q", got)
	}
	pub.do("PUBLISH dd x")
	if got := sub.read(); got != "[pmessage d* dd x]" {
		t.Errorf("got %q", got)
	}
	talk(t, sub, `
		UNSUBSCRIBE c => [unsubscribe c :1]
		PUNSUBSCRIBE d* => [punsubscribe d* :0]
		GET a => nil`)
}

func TestScanWalksOverAllShards(t *testing.T) {
	p, _ := three(t, nil)
	u := dial(t, p.address)
	for i := range 500 {
		if got := u.do(fmt.Sprint("SET k", i, " v")); got != "+OK" {
			t.Fatal(got)
		}
	}
	if got := u.do("DBSIZE"); got != ":500" {
		t.Errorf("got %q", got)
	}
	seen := map[string]bool{}
	cursor := "0"
	for range 1000 {
		u.send("SCAN " + cursor + " COUNT 20")
		reply := strings.Fields(strings.Trim(strings.ReplaceAll(u.read(), "[", ""), "]"))
		for _, k := range reply[1:] {
			seen[strings.Trim(k, "]")] = true
		}
		if cursor = reply[0]; cursor == "0" {
			break
		}
	}
	if len(seen) != 500 || cursor != "0" {
		t.Errorf("saw %d keys of 500, cursor %s", len(seen), cursor)
	}
	talk(t, u, `
		SCAN x => -ERR invalid cursor
		SCAN 77 => -ERR invalid cursor`)
}

func TestRESP3(t *testing.T) {
	p, _ := three(t, nil)
	u := dial(t, p.address)
	talk(t, u, `
		HELLO 3 SETNAME me => [server redis version*
		HSET h f v => :1
		HGETALL h => [f v]
		GET none => nil
		MSET k1 1 k2 2 k3 3 => +OK
		MGET k3 k2 k1 none => [3 2 1 nil]
		SUBSCRIBE c => [subscribe c :1]
		GET k1 => 1
		PUBLISH c x => *`)
	_ = u.read() // the message, or the reply: they may come in any order
	talk(t, u, `
		UNSUBSCRIBE c => [unsubscribe c :0]
		GET k2 => 2`)
}

func TestInlineCommands(t *testing.T) {
	p, _ := three(t, nil)
	u := dial(t, p.address)
	fmt.Fprint(u, "SET a \"b \\\"c\\n\"\r\nget a\n\r\nPING 'x y'\r\nGET \"open\r\n")
	for _, want := range []string{"+OK", "b \"c\n", "x y"} {
		if got := u.read(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := u.read(); got != "-ERR Protocol error: unbalanced quotes in request" {
		t.Errorf("got %q", got)
	}
	if _, err := u.r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is still there: %v", err)
	}
}

func TestPasswords(t *testing.T) {
	a := free(t, 1)
	runRedis(t, a[0], "--requirepass", "inner")
	p := planeOf(t, a, func(l *config.Listener, p *config.Pool) { l.Password, p.Password = "outer", "inner" })
	u := dial(t, p.address)
	talk(t, u, `
		GET a => -NOAUTH*
		AUTH wrong => -WRONGPASS*
		AUTH outer => +OK
		GET a => nil`)
	talk(t, dial(t, p.address), `
		HELLO 3 => -NOAUTH*
		HELLO 3 AUTH default outer => [server*
		GET a => nil`)
	wrong := planeOf(t, a, func(_ *config.Listener, p *config.Pool) { p.Password = "wrong" })
	talk(t, dial(t, wrong.address), `GET a => -ERR nagi: shard shard-0 (`+a[0]+`): login: WRONGPASS*`)
}

func TestADatabaseOfThePool(t *testing.T) {
	a := free(t, 1)
	runRedis(t, a[0])
	p := planeOf(t, a, func(_ *config.Listener, p *config.Pool) { p.Database = 3 })
	talk(t, dial(t, p.address), "SET a 1 => +OK\nSELECT 3 => +OK\nSELECT 0 => -ERR*")
	talk(t, dial(t, a[0]), "GET a => nil\nSELECT 3 => +OK\nGET a => 1")
}

// Many clients send random pipelines about keys of their own: every reply must
// be the right one, in its turn.
func TestRepliesComeInOrder(t *testing.T) {
	p, _ := three(t, nil)
	var all sync.WaitGroup
	for c := range 20 {
		all.Go(func() { pipelines(t, dial(t, p.address), c) })
	}
	all.Wait()
}

func pipelines(t *testing.T, u *user, c int) {
	r := rand.New(rand.NewPCG(uint64(c), uint64(os.Getpid())))
	val := map[string]string{}
	for range 60 {
		var out []byte
		var want []string
		for range 1 + r.IntN(80) {
			k := fmt.Sprintf("c%d-%d", c, r.IntN(40))
			v, ok := val[k]
			if ok && r.IntN(2) == 0 {
				out = encode(out, []byte("GET"), []byte(k))
				want = append(want, v)
				continue
			}
			if ok && r.IntN(5) == 0 {
				k2 := fmt.Sprintf("c%d-%d", c, r.IntN(40))
				v2, ok2 := val[k2]
				if !ok2 {
					v2 = "nil"
				}
				out = encode(out, []byte("MGET"), []byte(k), []byte(k2))
				want = append(want, "["+v+" "+v2+"]")
				continue
			}
			size := r.IntN(64)
			if r.IntN(50) == 0 {
				size = r.IntN(300_000)
			}
			val[k] = strings.Repeat(string(rune('a'+r.IntN(26))), size)
			out = encode(out, []byte("SET"), []byte(k), []byte(val[k]))
			want = append(want, "+OK")
		}
		go func() { _, _ = u.Write(out) }()
		for i, w := range want {
			got, err := readReply(u.r)
			if err != nil || got != w {
				t.Errorf("client %d, reply %d: got %.60q, want %.60q, %v", c, i, got, w, err)
				return
			}
		}
	}
}

func TestAClientThatNeverReadsIsHeldBack(t *testing.T) {
	p, _ := three(t, nil)
	u := dial(t, p.address)
	big := strings.Repeat("x", 100_000)
	_, _ = u.Write(encode(nil, []byte("SET"), []byte("big"), []byte(big)))
	u.read()
	_ = u.SetWriteDeadline(time.Now().Add(2 * time.Second))
	request := []byte(strings.Repeat("GET big\r\n", 1000))
	sent := 0
	for sent < 64<<20 {
		n, err := u.Write(request)
		sent += n
		if err != nil {
			break
		}
	}
	if sent >= 64<<20 {
		t.Errorf("%d bytes of requests were taken from a client that never reads", sent)
	}
	other := dial(t, p.address)
	if got := other.do("GET none"); got != "nil" {
		t.Errorf("another client reads %q", got)
	}
}

func TestWhatIsTooLongIsRefused(t *testing.T) {
	p, _ := three(t, func(l *config.Listener, _ *config.Pool) { l.Routes[0].MaxBodySize = 10_000 })
	u := dial(t, p.address)
	for range 12 {
		if got := u.do("APPEND l " + strings.Repeat("x", 1000)); got[0] != ':' {
			t.Fatal(got)
		}
	}
	u.send("SET other 1")
	u.send("GET l")
	u.send("GET other")
	for _, want := range []string{"+OK", "-ERR nagi: shard*", "1"} {
		if got := u.read(); got != want && !strings.HasPrefix(got, strings.TrimSuffix(want, "*")) || strings.HasSuffix(want, "*") && !strings.Contains(got, "a reply of more than 10000 bytes") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := u.do("SET l " + strings.Repeat("x", 20_000)); !strings.HasPrefix(got, "-ERR Protocol error: an argument of 20000 bytes in a request that may have 10000") {
		t.Errorf("got %q", got)
	}
}
