package nagi_test

import (
	"os/exec"
	"path"
	"strings"
	"testing"
)

const module = "nagi.dev/"

// floors holds every room, ground floor first. A package may import its own
// room and any lower floor; rooms of one floor do not know each other.
var floors = [][]string{
	{"api", "run", "internal", "plane", "bus"},
	{"kube"},
	{"patterns/*", "observe", "compose", "gitops", "scale", "nodes", "voice", "remo", "assess", "install", "engine"},
	{"patterns", "console", "cli"},
	{"test"},
	{"cmd", "engine/conformance"},
}

// home returns the room that holds pkg, and its floor; -1 when it has none.
// The longest pattern wins: patterns/x is a room of its own, patterns the list of them.
func home(pkg string) (room string, floor int) {
	floor = -1
	for f, rooms := range floors {
		for _, r := range rooms {
			n := strings.Count(r, "/") + 1
			elems := strings.SplitN(pkg, "/", n+1)
			if len(elems) < n {
				continue
			}
			prefix := strings.Join(elems[:n], "/")
			if ok, _ := path.Match(r, prefix); ok && strings.Count(prefix, "/") >= strings.Count(room, "/") {
				room, floor = prefix, f
			}
		}
	}
	return room, floor
}

func TestFloors(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "work").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg, ok := strings.CutPrefix(words[0], module)
		if !ok {
			continue // the root package holds only this test
		}
		room, floor := home(pkg)
		if floor < 0 {
			t.Errorf("%s stands in no room: add it to floors", pkg)
			continue
		}
		for _, imp := range words[1:] {
			if imp, ok = strings.CutPrefix(imp, module); !ok {
				continue
			}
			if r, f := home(imp); r != room && f >= floor {
				t.Errorf("%s (%s, floor %d) imports %s (%s, floor %d)", pkg, room, floor, imp, r, f)
			}
		}
	}
}
