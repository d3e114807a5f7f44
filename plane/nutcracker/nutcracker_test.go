package nutcracker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/plane/config"
)

// The example of twemproxy's own documentation, in short.
const leaf = `
alpha:
  listen: 127.0.0.1:22121
  hash: fnv1a_64
  distribution: ketama
  auto_eject_hosts: true
  redis: true
  redis_auth: secret
  redis_db: 2
  server_retry_timeout: 2000
  server_failure_limit: 1
  timeout: 400
  servers:
   - 127.0.0.1:6379:1
   - redis-1:6379:2 one
   - /var/run/r.sock:1
beta:
  listen: /var/run/nutcracker.sock 0666
  hash_tag: "{}"
  client_connections: 100
  server_connections: 2
  servers:
   - 127.0.0.1:11211:1
`

func TestAFileBecomesADocument(t *testing.T) {
	c, differs, err := Parse([]byte(leaf))
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		Version: "nutcracker.yml",
		Listeners: []config.Listener{
			{Name: "alpha", Address: "127.0.0.1:22121", Protocol: config.Redis, Password: "secret", IdleTimeout: -1, Routes: []config.Route{{Arms: []config.Arm{{Pool: "alpha"}}}}},
			{Name: "beta", Address: "unix:/var/run/nutcracker.sock", SocketMode: "0666", Protocol: config.Memcache, MaxConnections: 100, IdleTimeout: -1, Routes: []config.Route{{Arms: []config.Arm{{Pool: "beta"}}}}},
		},
		Pools: []config.Pool{
			{
				Name: "alpha", Password: "secret", Database: 2, Timeout: ms(400), ConnectTimeout: ms(400),
				Endpoints: []config.Endpoint{{Address: "127.0.0.1:6379", Weight: 1}, {Name: "one", Address: "redis-1:6379", Weight: 2}, {Address: "unix:/var/run/r.sock", Weight: 1}},
				Balance:   config.Balance{Algorithm: config.Ketama, Hash: "fnv1a_64", EjectHosts: true, Compatible: true},
				Health:    config.Health{Failures: 1, EjectFor: config.Duration(2 * time.Second), MaxEjected: 100},
			},
			{
				Name: "beta", Timeout: -1, Endpoints: []config.Endpoint{{Address: "127.0.0.1:11211", Weight: 1}},
				Balance: config.Balance{Algorithm: config.Ketama, Hash: "fnv1a_64", HashTag: "{}", Compatible: true},
				Health:  config.Health{Failures: -1, MaxEjected: 100},
			},
		},
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
	if !strings.Contains(strings.Join(differs, "\n"), "beta: server_connections: 2: all clients share one connection") {
		t.Errorf("differs: %v", differs)
	}
}

func TestFaultsNameTheirLine(t *testing.T) {
	with := func(keys string) string {
		return "p:\n  listen: 127.0.0.1:1\n" + keys + "  servers:\n  - 127.0.0.1:2:1\n"
	}
	for _, tt := range []struct{ name, text, want string }{
		{"an unknown key", with("  hashes: md5\n"), "line 3: p.hashes: twemproxy has no such key"},
		{"a hash that twemproxy has not", with("  hash: xxh64\n"), `line 3: p.hash: "xxh64" is none of one_at_a_time`},
		{"a distribution that twemproxy has not", with("  distribution: maglev\n"), `line 3: p.distribution: "maglev" is none of`},
		{"a tag of one character", with("  hash_tag: x\n"), `line 3: p.hash_tag: "x" is not two characters`},
		{"yes is not true", with("  redis: yes\n"), `line 3: p.redis: "yes" is not true or false`},
		{"a number below zero", with("  timeout: -1\n"), `line 3: p.timeout: "-1" is not a number`},
		{"a key twice", with("  timeout: 1\n  timeout: 2\n"), "line 4"},
		{"a password without redis", with("  redis_auth: x\n"), "line 3: p.redis_auth: only a pool with redis: true has it"},
		{"no servers", "p:\n  listen: 127.0.0.1:1\n", "line 1: p.servers: is required"},
		{"a server without a weight", "p:\n  listen: 127.0.0.1:1\n  servers:\n  - a:1\n", `line 4: servers[0]: "a:1" is not host:port:weight`},
		{"a weight of nothing", "p:\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:0\n", `line 4: servers[0]: weight "0" is no number above 0`},
		{"two pools at one address", with("") + strings.Replace(with(""), "p:", "q:", 1), "q.listen: pool p listens there already"},
		{"two servers of one name", "p:\n  listen: 127.0.0.1:1\n  servers:\n  - a:1:1 x\n  - b:1:1 x\n", `"x" is there twice`},
		{"nothing", "", "no pool"},
		{"no YAML", "p: [", "line 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Parse([]byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(leaf))
	f.Add([]byte("p:\n  servers:\n  - /a:1 b\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, _, err := Parse(b)
		if err == nil && c.Validate() != nil {
			t.Errorf("%q becomes a document that is not right", b)
		}
	})
}
