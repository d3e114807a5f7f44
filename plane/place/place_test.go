package place

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileIsCopiedWithItsMode(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.WriteFile(from, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Parse(fmt.Sprintf(`{"from":%q,"to":%q,"uid":%d,"gid":%d,"mode":"0440"}`, from, to, os.Getuid(), os.Getgid()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a pod may be started again
		if err := Run([]Step{s}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode() != 0o440 {
		t.Errorf("got %v, %v; want mode 0440", info, err)
	}
	if got, err := os.ReadFile(to); string(got) != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAFolderKeepsItsStickyBit(t *testing.T) {
	dir := t.TempDir()
	if err := Run([]Step{{To: dir, UID: os.Getuid(), GID: os.Getgid(), Mode: "1777"}}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

func TestWrongStepsAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", "x", "read step"},
		{"an unknown field", `{"to":"/a","mode":"0","colour":"red"}`, "colour"},
		{"a mode that is no number", `{"to":"/a","mode":"rw"}`, "no mode"},
		{"a relative path", `{"to":"a","mode":"0"}`, "full"},
		{"an owner below zero", `{"to":"/a","mode":"0","uid":-1}`, "owner"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"from":"/a","to":"/b","uid":1,"gid":2,"mode":"0440"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil && !filepath.IsAbs(s.To) {
			t.Errorf("%+v has no full path", s)
		}
	})
}
