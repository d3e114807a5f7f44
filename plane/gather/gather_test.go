package gather

import (
	"strings"
	"testing"

	"nagi.dev/plane/config"
)

func TestMerges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		merge  config.Merge
		bodies string // one a line
		want   string
	}{
		{"lists", config.Merge{Builtin: "concat"}, "[1]\n[]\n[2,3]", "[1,2,3]"},
		{"lists at a path", config.Merge{Builtin: "concat", Path: "$.a.hits"}, `{"a":{"hits":[1]},"x":1}` + "\n" + `{"a":{"hits":[2]}}`, `{"a":{"hits":[1,2]}}`},
		{"text", config.Merge{Builtin: "concat"}, "a b\nc", "a bc"},
		{"the best", config.Merge{Builtin: "topK", Path: "$.hits", By: "score", Limit: 3}, `{"hits":[{"score":1},{"score":9},{"x":0}]}` + "\n" + `{"hits":[{"score":5}]}`, `{"hits":[{"score":9},{"score":5},{"score":1}]}`},
		{"the lowest", config.Merge{Builtin: "topK", By: "-at.ms", Limit: 2}, `[{"at":{"ms":3}},{"at":{"ms":1}}]` + "\n" + `[{"at":{"ms":2}}]`, `[{"at":{"ms":1}},{"at":{"ms":2}}]`},
		{"whole numbers stay exact", config.Merge{Builtin: "sum", Path: "$.n"}, `{"n":9007199254740993}` + "\n" + `{"n":1}`, `{"n":9007199254740994}`},
		{"others are floats", config.Merge{Builtin: "sum"}, "1.5\n2", "3.5"},
		{"objects", config.Merge{Builtin: "deep"}, `{"a":{"x":1},"l":[1],"s":"old"}` + "\n" + `{"a":{"y":2},"l":[2],"s":"new"}`, `{"a":{"x":1,"y":2},"l":[1,2],"s":"new"}`},
		{"no list there", config.Merge{Builtin: "concat", Path: "$.hits"}, `{"hits":1}`, "answer 0 has no list at $.hits"},
		{"no JSON", config.Merge{Builtin: "sum"}, "1\nx", "answer 1 is not JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := New(tt.merge)
			if err != nil {
				t.Fatal(err)
			}
			var bodies [][]byte
			for line := range strings.SplitSeq(tt.bodies, "\n") {
				bodies = append(bodies, []byte(line))
			}
			got, _, err := m.Merge(bodies)
			if err != nil {
				got = []byte(err.Error())
			}
			if string(got) != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCoverageIsByWeight(t *testing.T) {
	leaves := []config.Leaf{{Name: "a", Weight: 2}, {Name: "b"}, {Name: "c"}}
	c := Cover(leaves, func(i int) bool { return i != 0 })
	if c.String() != "2/3" || c.Share != 0.5 {
		t.Errorf("got %s %v", c, c.Share)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add("topK", `[{"s":1}]`, `[{"s":"x"},1,null]`)
	f.Add("sum", `1`, `1e400`)
	f.Add("deep", `{"a":[1]}`, `{"a":{}}`)
	f.Fuzz(func(t *testing.T, builtin, a, b string) {
		m, err := New(config.Merge{Builtin: builtin, By: "s"})
		if err != nil {
			t.Fatal(err)
		}
		_, _, _ = m.Merge([][]byte{[]byte(a), []byte(b)})
	})
}
