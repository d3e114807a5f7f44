package compose

import "testing"

func FuzzParseConstraint(f *testing.F) {
	for _, text := range []string{"node.labels.zone == east", "node.role!=manager", "==", "a=b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseConstraint(text)
		if err == nil && (c.key == "" || c.value == "") {
			t.Errorf("%q has no key or value: %+v", text, c)
		}
		if r, ok := c.requirement(); err == nil && ok && r.Key == "" {
			t.Errorf("%q asks for a label without a name", text)
		}
	})
}

func FuzzParseTmpfs(f *testing.F) {
	for _, text := range []string{"size=64m,mode=1777,uid=33", "noexec", "mode=-1", "uid=root,gid=,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if o := parseTmpfs(text); o.mode < 0 || o.mode > 0o7777 || o.uid < 0 || o.gid < 0 {
			t.Errorf("%q gives %+v", text, o)
		}
	})
}
