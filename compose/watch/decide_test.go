package watch

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/compose"
)

func trigger(path, action, target string) compose.Trigger {
	return compose.Trigger{Service: "web", Path: path, Action: action, Target: target}
}

func TestDecide(t *testing.T) {
	src := trigger("/p/src", "sync", "/app/")
	ignoring := src
	ignoring.Ignore = []compose.Patterns{{Dir: "/p", Lines: []string{"src/node_modules", "**/*.log", "!**/keep.log"}}, {Dir: "/p/src", Lines: []string{"tmp/"}}}
	including := src
	including.Include = compose.Patterns{Dir: "/p/src", Lines: []string{"**/*.go"}}
	exec := trigger("/p/conf", "sync+exec", "/etc/x")
	exec.Exec = []string{"reload"}
	db := trigger("/p/src", "restart", "")
	db.Service = "db"
	for _, tt := range []struct {
		name     string
		triggers []compose.Trigger
		changed  []string
		want     []Task
	}{
		{"a file below the folder goes to its place", []compose.Trigger{src}, []string{"/p/src/a/b.go"}, []Task{{Service: "web", Files: []File{{"/p/src/a/b.go", "/app/a/b.go"}}}}},
		{"a file beside the folder is nobody's", []compose.Trigger{src}, []string{"/p/srcx", "/p/a"}, nil},
		{"a file that is watched alone goes to its name", []compose.Trigger{trigger("/p/go.mod", "sync", "/app/mod")}, []string{"/p/go.mod"}, []Task{{Service: "web", Files: []File{{"/p/go.mod", "/app/mod"}}}}},
		{
			"ignored files do not count, exceptions do",
			[]compose.Trigger{ignoring},
			[]string{"/p/src/node_modules/x/y.js", "/p/src/a.log", "/p/src/keep.log", "/p/src/tmp/x", "/p/src/.git/index", "/p/src/a.go.swp"},
			[]Task{{Service: "web", Files: []File{{"/p/src/keep.log", "/app/keep.log"}}}},
		},
		{"only what is included counts", []compose.Trigger{including}, []string{"/p/src/a.txt", "/p/src/x/a.go"}, []Task{{Service: "web", Files: []File{{"/p/src/x/a.go", "/app/x/a.go"}}}}},
		{
			"two actions of one service are done at once",
			[]compose.Trigger{src, exec, trigger("/p/src", "sync+restart", "/app")},
			[]string{"/p/src/a", "/p/conf/c"},
			[]Task{{Service: "web", Files: []File{{"/p/src/a", "/app/a"}, {"/p/conf/c", "/etc/x/c"}}, Restart: true, Exec: [][]string{{"reload"}}}},
		},
		{"a file may be built into the image and brought as it is", []compose.Trigger{src, trigger("/p/src/go.mod", "rebuild", "")}, []string{"/p/src/go.mod"}, []Task{{Service: "web", Files: []File{{"/p/src/go.mod", "/app/go.mod"}}, Rebuild: true}}},
		{"each service has its own", []compose.Trigger{src, db}, []string{"/p/src/a"}, []Task{{Service: "web", Files: []File{{"/p/src/a", "/app/a"}}}, {Service: "db", Restart: true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules, err := newRules(tt.triggers)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, decide(rules, tt.changed)); d != "" {
				t.Errorf("tasks (-want +got):\n%s", d)
			}
		})
	}
}

func TestFoldersWithoutAnythingToWatchAreSkipped(t *testing.T) {
	tr := trigger("/p/src", "sync", "/app")
	tr.Ignore = []compose.Patterns{{Dir: "/p/src", Lines: []string{"node_modules"}}, {Dir: "/p/src", Lines: []string{"log", "!log/keep"}}}
	rules, err := newRules([]compose.Trigger{tr})
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{"/p/src/node_modules": true, "/p/src/.git": true, "/p/src/log": false, "/p/src/a": false} {
		if got := rules[0].skips(dir); got != want {
			t.Errorf("skips(%s) = %t, want %t", dir, got, want)
		}
	}
}

func TestABadPatternIsAnError(t *testing.T) {
	tr := trigger("/p", "sync", "/app")
	tr.Ignore = []compose.Patterns{{Dir: "/p", Lines: []string{"[a"}}}
	if _, err := newRules([]compose.Trigger{tr}); err == nil {
		t.Error("it is taken")
	}
}
