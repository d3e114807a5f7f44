package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const small = `{
  "listeners": [{"name": "web", "address": ":8080", "protocol": "http",
    "routes": [{"arms": [{"pool": "a", "weight": 9}, {"pool": "b"}], "timeout": "2s"}]}],
  "pools": [{"name": "a", "endpoints": [{"address": "127.0.0.1:1"}]},
            {"name": "b", "endpoints": [], "balance": {"algorithm": "ketama", "hash": "md5"}}]
}`

func TestWhatIsWrittenIsRead(t *testing.T) {
	c, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, again); d != "" {
		t.Error(d)
	}
}

func TestFaultsNameTheirField(t *testing.T) {
	for _, tt := range []struct{ name, document, want string }{
		{"an unknown field is refused", `{"listener": []}`, `unknown field "listener"`},
		{"a syntax fault names its line", "{\n\n\"pools\": ]}", "line 3: "},
		{"a second value is refused", `{} {}`, "something follows"},
		{"a pool that is not there", `{"listeners":[{"name":"l","address":":1","protocol":"tcp","routes":[{"arms":[{"pool":"x"}]}]}]}`, `listeners[0].routes[0].arms[0].pool: there is no pool "x"`},
		{"a bare number is no duration", `{"pools":[{"name":"p","endpoints":[],"timeout":5}]}`, `write it with its unit`},
		{"a hash without a ring", `{"pools":[{"name":"p","endpoints":[],"balance":{"hash":"md5"}}]}`, "pools[0].balance.hash: only rings"},
		{"a path to check over HTTP/2", `{"pools":[{"name":"p","endpoints":[],"http2":true,"health":{"active":{"path":"/"}}}]}`, "pools[0].health.active.path: endpoints that speak HTTP/2"},
		{"an address without a port", `{"pools":[{"name":"p","endpoints":[{"address":"host"}]}]}`, `pools[0].endpoints[0].address: "host" is no address`},
		{"two listeners at one address", `{"pools":[{"name":"p","endpoints":[]}],"listeners":[
			{"name":"a","address":":1","protocol":"tcp","routes":[{"arms":[{"pool":"p"}]}]},
			{"name":"b","address":":1","protocol":"tcp","routes":[{"arms":[{"pool":"p"}]}]}]}`, `listeners[1].address: ":1" is there twice`},
		{"a cache in front of redis", `{"pools":[{"name":"p","endpoints":[]}],"listeners":[
			{"name":"a","address":":1","protocol":"redis","routes":[{"arms":[{"pool":"p"}],"cache":{"size":1}}]}]}`, "listeners[0].routes[0].cache: only http has it"},
		{"a merge of no kind", `{"pools":[{"name":"p","endpoints":[]}],"listeners":[
			{"name":"a","address":":1","protocol":"http","routes":[{"scatter":{"leaves":[{"name":"l","pool":"p"}],"merge":{}}}]}]}`, "scatter.merge: needs one of"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.document))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	_, err := Parse([]byte(`{"pools":[{"name":"","endpoints":[{"address":"x"}]},{"name":"b","endpoints":[{"address":"y"}]}]}`))
	if n := len(strings.Split(err.Error(), "\n")); n != 3 {
		t.Errorf("got %d faults, want 3: %v", n, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"pools":[{"name":"p","endpoints":[{"address":"unix:/x"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(again); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
