package shards

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
)

func TestWhatKeysCannotHaveIsRefusedByName(t *testing.T) {
	l := &config.Listener{
		Protocol: config.Redis, TLS: &config.ServerTLS{}, RateLimit: &config.RateLimit{},
		Routes: []config.Route{{Tee: &config.Tee{}, Retry: &config.Retry{}, Arms: []config.Arm{{Pool: "a"}, {Pool: "b"}}}},
	}
	err := Offered(l)
	for _, want := range []string{"tls: redis does not", "rateLimit: redis", "routes[0].tee: redis", "routes[0].retry: redis", "routes[0].arms: redis has one"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	l = &config.Listener{Protocol: config.Redis, Routes: []config.Route{{Arms: []config.Arm{{Pool: "a"}}}}}
	if err := Offered(l); err != nil {
		t.Error(err)
	}
}

func TestPoolsThatKeysCannotHave(t *testing.T) {
	for _, tt := range []struct {
		name string
		pool config.Pool
		want string
	}{
		{"TLS", config.Pool{TLS: &config.ClientTLS{}}, "tls, http2, previous, sendProxy"},
		{"a ring before", config.Pool{Previous: &config.Previous{}}, "tls, http2, previous, sendProxy"},
		{"copies", config.Pool{Endpoints: []config.Endpoint{{Address: "a:1", Copies: []string{"b:1"}}}}, "endpoint a:1: copies"},
		{"a way to choose that is no ring", config.Pool{Balance: config.Balance{Algorithm: config.LeastRequest}, Endpoints: []config.Endpoint{{Address: "a:1"}, {Address: "b:1"}}}, `algorithm "leastRequest" is none of`},
		{"a bound of load", config.Pool{Balance: config.Balance{BoundedLoad: 2}}, "boundedLoad"},
		{"a password that is not there", config.Pool{PasswordFile: "/nowhere"}, "read password: open /nowhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(Env{}, &tt.pool, 0); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestAPasswordIsTheFirstLineOfItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(file, []byte("secret\r\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Secret("other", file); got != "secret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := Secret("plain", ""); got != "plain" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAShardIsTriedAgainAfterPausesThatGrow(t *testing.T) {
	for _, tt := range []struct {
		name  string
		eject bool
		want  string
	}{
		{"without ejection they grow to two seconds", false, "50ms 100ms 200ms 400ms 800ms 1.6s 2s 2s"},
		{"with ejection they are the pool's", true, "3s 3s 3s 3s 3s 3s 3s 3s"},
	} {
		t.Run(tt.name, func(t *testing.T) { pauses(t, tt.eject, tt.want) })
	}
}

func pauses(t *testing.T, eject bool, want string) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Env{Loop: l, Log: slog.New(slog.DiscardHandler)}, &config.Pool{
		Endpoints: []config.Endpoint{{Address: "a:1"}, {Address: "b:1"}},
		Balance:   config.Balance{EjectHosts: eject},
		Health:    config.Health{Failures: 1, EjectFor: config.Duration(3 * time.Second)},
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 8 {
		p.At(0).failure(errors.New("no"), false)
		got = append(got, p.At(0).pause.String())
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
	moved := 0
	for i := range 100 {
		if p.Place([]byte(strings.Repeat("k", i+1))) == 0 {
			moved++
		}
	}
	if (moved == 0) != eject {
		t.Errorf("%d of 100 keys belong to the shard that is away", moved)
	}
}
