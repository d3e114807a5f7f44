package jsonpath

import "testing"

func TestPaths(t *testing.T) {
	v := map[string]any{"a": []any{1., map[string]any{"b c": "x"}}}
	for _, tt := range []struct {
		path string
		want any
		ok   bool
	}{
		{"$.a[0]", 1., true},
		{`$.a[1]["b c"]`, "x", true},
		{"$.a[2]", nil, false},
		{"$.b", nil, false},
		{"$.a.b", nil, false},
	} {
		p, err := Parse(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := p.Get(v); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v %v", tt.path, got, ok)
		}
		if p.String() != tt.path {
			t.Errorf("%s is written %s", tt.path, p)
		}
	}
}

func TestPathsMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, at string
		want        bool
	}{
		{"$.a", "$.a", true},
		{"$.a", "$.a.b[3]", true},
		{"$.a[*].b", "$.a[3].b", true},
		{"$.*.b", "$.x.b", true},
		{"$.a[*].b", "$.a[3].c", false},
		{"$.a.b", "$.a", false},
		{"$", "$.a", true},
	} {
		p, err := Parse(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		at, err := Parse(tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Matches(at); got != tt.want {
			t.Errorf("%s at %s: %v", tt.pattern, tt.at, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`$.a[0]["b"][*].*`)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		_, _ = p.Get(map[string]any{"a": []any{1.}})
		_ = p.String()
	})
}
