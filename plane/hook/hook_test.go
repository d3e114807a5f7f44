package hook

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStepsRunInOrderUntilOneFails(t *testing.T) {
	var out bytes.Buffer
	dir := t.TempDir()
	steps := []Step{
		{Command: []string{"sh", "-c", "echo $WHO in $PWD"}, Env: []string{"WHO=me"}, Dir: dir},
		{Command: []string{"sh", "-c", "echo two; exit 3"}},
		{Command: []string{"echo", "three"}},
	}
	err := Run(t.Context(), Options{Steps: steps, Stdout: &out})
	if err == nil || !strings.Contains(err.Error(), "step 2 of 3, sh: exit status 3") {
		t.Errorf("got %v", err)
	}
	if want := "me in " + dir + "\ntwo\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestUsersAreThoseOfTheImage(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0::/root:/bin/sh\nwww-data:x:33:34::/var/www:/bin/sh\n",
		"group":  "root:x:0:\nstaff:x:50:\n",
	} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, user string
		want       *syscall.Credential
		fault      string
	}{
		{"no user stays", "", nil, ""},
		{"a name has its own group", "www-data", &syscall.Credential{Uid: 33, Gid: 34}, ""},
		{"a known number has its own group", "33", &syscall.Credential{Uid: 33, Gid: 34}, ""},
		{"an unknown number has group 0", "1000", &syscall.Credential{Uid: 1000}, ""},
		{"a group by name", "www-data:staff", &syscall.Credential{Uid: 33, Gid: 50}, ""},
		{"a group by number", "1000:1001", &syscall.Credential{Uid: 1000, Gid: 1001}, ""},
		{"an unknown name", "nobody", nil, "find user nobody"},
		{"an unknown group", "root:wheel", nil, "find group wheel"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := identify(tt.user, root)
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("got %v, want %q", err, tt.fault)
				}
				return
			}
			if d := cmp.Diff(tt.want, got); d != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"command":["sh","-c","true"],"user":"www-data:33","dir":"/","env":["A=b"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := Parse(text); err == nil && len(s.Command) == 0 {
			t.Errorf("%+v has no command", s)
		}
	})
}
