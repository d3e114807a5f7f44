package drift

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestFind(t *testing.T) {
	for _, tt := range []struct{ name, want, have, path string }{
		{"an equal object has not drifted", `{"a":1,"b":"x"}`, `{"a":1,"b":"x"}`, ""},
		{"what the server adds does not count", `{"spec":{"a":1}}`, `{"spec":{"a":1,"default":true},"status":{}}`, ""},
		{"a changed leaf is found with its path", `{"spec":{"a":{"b":2}}}`, `{"spec":{"a":{"b":3}}}`, "spec.a.b"},
		{"a removed label is found", `{"metadata":{"labels":{"x":"y"}}}`, `{"metadata":{}}`, "metadata.labels"},
		{"an empty struct may be missing", `{"spec":{"resources":{},"strategy":{"x":{}}}}`, `{"spec":{}}`, ""},
		{"an empty value may be missing", `{"env":[{"name":"A","value":""}]}`, `{"env":[{"name":"A"}]}`, ""},
		{"a list of words must be equal", `{"args":["a","b"]}`, `{"args":["a","b","c"]}`, "args"},
		{"a list of words keeps its order", `{"args":["a","b"]}`, `{"args":["b","a"]}`, "args[0]"},
		{
			"containers are known by name, whatever stands beside them",
			`{"containers":[{"name":"b","image":"x"}]}`, `{"containers":[{"name":"a"},{"name":"b","image":"x"}]}`, "",
		},
		{
			"a changed image is found by the name of its container",
			`{"containers":[{"name":"b","image":"x"}]}`, `{"containers":[{"name":"b","image":"y"}]}`, "containers[b].image",
		},
		{"a removed container is found", `{"containers":[{"name":"b"}]}`, `{"containers":[{"name":"a"}]}`, "containers[b]"},
		{
			"one port with two protocols is two items",
			`{"ports":[{"port":53,"protocol":"UDP"}]}`, `{"ports":[{"port":53,"protocol":"TCP"},{"port":53,"protocol":"UDP"}]}`, "",
		},
		{"a list that is not merged must be as long", `{"items":[{"key":"a"}]}`, `{"items":[{"key":"a"},{"key":"b"}]}`, "items"},
		{"another kind of value is a drift", `{"a":{"b":1}}`, `{"a":"b"}`, "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Find(decode(t, tt.want), decode(t, tt.have)); got != tt.path {
				t.Errorf("Find = %q, want %q", got, tt.path)
			}
		})
	}
}

func TestFindTakesNumbersByValue(t *testing.T) {
	for _, three := range []any{int64(3), int32(3), float64(3)} {
		if p := Find(map[string]any{"a": int64(3)}, map[string]any{"a": three}); p != "" {
			t.Errorf("Find = %q for the equal number %T", p, three)
		}
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAllFindsEveryFieldAndIgnoringThemFindsNone(t *testing.T) {
	want := decode(t, `{"a":1,"spec":{"containers":[{"name":"x","image":"i","stop":"s"}],"args":["1"]}}`)
	have := decode(t, `{"a":2,"spec":{"containers":[{"name":"x","image":"i"}],"args":[]}}`)
	all := All(want, have)
	if !slices.Equal(all, []string{"a", "spec.args", "spec.containers[x].stop"}) {
		t.Errorf("All = %q", all)
	}
	if p := Find(want, have, all...); p != "" {
		t.Errorf("Find = %q", p)
	}
}
