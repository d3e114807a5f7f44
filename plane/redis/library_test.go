package redis

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// A client library sends what no test by hand thinks of: HELLO, CLIENT SETINFO,
// pipelines, scripts by their hash, watched transactions.
func TestAClientLibrary(t *testing.T) {
	p, _ := three(t, nil)
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprint("RESP", protocol), func(t *testing.T) {
			c := goredis.NewClient(&goredis.Options{Addr: p.address, Protocol: protocol, ClientName: "test"})
			t.Cleanup(func() { _ = c.Close() })
			basics(t, c)
			transaction(t, c)
			scriptsByHash(t, c)
			messages(t, c)
		})
	}
}

func basics(t *testing.T, c *goredis.Client) {
	ctx := t.Context()
	pipe := c.Pipeline()
	for i := range 200 {
		pipe.Set(ctx, fmt.Sprint("key", i), i, time.Minute)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	values, err := c.MGet(ctx, "key7", "none", "key9").Result()
	if err != nil || fmt.Sprint(values) != "[7 <nil> 9]" {
		t.Errorf("MGET: %v, %v", values, err)
	}
	seen := map[string]bool{}
	for it := c.Scan(ctx, 0, "key*", 50).Iterator(); it.Next(ctx); {
		seen[it.Val()] = true
	}
	if len(seen) != 200 {
		t.Errorf("SCAN saw %d keys of 200", len(seen))
	}
	if err := c.HSet(ctx, "h", "a", 1, "b", 2).Err(); err != nil {
		t.Error(err)
	}
	if m, err := c.HGetAll(ctx, "h").Result(); err != nil || len(m) != 2 {
		t.Errorf("HGETALL: %v, %v", m, err)
	}
	if err := c.Get(ctx, "nothing").Err(); !errors.Is(err, goredis.Nil) {
		t.Errorf("GET of nothing: %v", err)
	}
	if n, err := c.Del(ctx, "key0", "key1", "key2", "none").Result(); n != 3 || err != nil {
		t.Errorf("DEL: %d, %v", n, err)
	}
	if err := c.Keys(ctx, "*").Err(); err == nil || !strings.Contains(err.Error(), "use SCAN") {
		t.Errorf("KEYS: %v", err)
	}
	if v, err := c.BLPop(ctx, time.Second, "{l}").Result(); !errors.Is(err, goredis.Nil) {
		t.Errorf("BLPOP: %v, %v", v, err)
	}
}

func transaction(t *testing.T, c *goredis.Client) {
	ctx := t.Context()
	c.Set(ctx, "{w}", 1, 0)
	err := c.Watch(ctx, func(tx *goredis.Tx) error {
		n, err := tx.Get(ctx, "{w}").Int()
		if err != nil {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p goredis.Pipeliner) error { p.Set(ctx, "{w}", n+1, 0); p.Incr(ctx, "{w}"); return nil })
		return err
	}, "{w}")
	if got := c.Get(ctx, "{w}").Val(); err != nil || got != "3" {
		t.Errorf("WATCH: got %s, %v", got, err)
	}
	err = c.Watch(ctx, func(tx *goredis.Tx) error {
		c.Set(ctx, "{w}", 9, 0)
		_, err := tx.TxPipelined(ctx, func(p goredis.Pipeliner) error { p.Incr(ctx, "{w}"); return nil })
		return err
	}, "{w}")
	if !errors.Is(err, goredis.TxFailedErr) {
		t.Errorf("a watched key that changed: %v", err)
	}
}

func scriptsByHash(t *testing.T, c *goredis.Client) {
	s := goredis.NewScript("return redis.call('incrby', KEYS[1], ARGV[1])")
	for _, k := range []string{"s1", "s2", "s3", "s4"} {
		if n, err := s.Run(t.Context(), c, []string{k}, 5).Int(); err != nil || n%5 != 0 {
			t.Errorf("script: %d, %v", n, err)
		}
	}
}

func messages(t *testing.T, c *goredis.Client) {
	ctx := t.Context()
	s := c.Subscribe(ctx, "news")
	defer s.Close()
	if _, err := s.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(ctx, "news", "hello").Err(); err != nil {
		t.Error(err)
	}
	if m, err := s.ReceiveMessage(ctx); err != nil || m.Payload != "hello" {
		t.Errorf("message: %v, %v", m, err)
	}
}
