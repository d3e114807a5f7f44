package differ

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferences(t *testing.T) {
	js := func(body string) *Answer {
		return &Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	}
	for _, tt := range []struct {
		name       string
		one, other *Answer
		want       []Difference
	}{
		{"equal JSON in another order", js(`{"a":1,"b":[1,2]}`), js(` {"b":[1,2],"a":1}`), nil},
		{"a value", js(`{"a":{"b":1}}`), js(`{"a":{"b":2}}`), []Difference{{"$.a.b", "1", "2"}}},
		{"one that is missing", js(`{"a":1}`), js(`{}`), []Difference{{"$.a", "1", "(missing)"}}},
		{"a longer list", js(`[1]`), js(`[1,"x"]`), []Difference{{"$[1]", "(missing)", "x"}}},
		{"numbers that only a float would confuse", js(`9007199254740993`), js(`9007199254740992`), []Difference{{"$", "9007199254740993", "9007199254740992"}}},
		{"an ignored path", js(`{"id":1,"l":[{"at":1}]}`), js(`{"id":2,"l":[{"at":2}]}`), nil},
		{"status and field", &Answer{Status: 200, Header: http.Header{"X-A": {"1"}, "Date": {"1"}}}, &Answer{Status: 500, Header: http.Header{"X-Mine": {"1"}}}, []Difference{{"status", "200", "500"}, {"header X-A", "1", ""}}},
		{"text", &Answer{Body: []byte("a")}, &Answer{Body: []byte("b")}, []Difference{{"body", "a", "b"}}},
		{"JSON that is cut is compared as text", &Answer{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte("[1"), Cut: true}, js("[1]"), []Difference{{"status", "0", "200"}, {"body", "[1", "[1]"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := NewRules([]string{"x-mine"}, []string{"$.id", "$.l[*].at"})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, r.Compare(tt.one, tt.other)); d != "" {
				t.Error(d)
			}
		})
	}
}
