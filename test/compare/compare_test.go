package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"nagi.dev/test/compare/look"
)

const file = `name: shop
services:
  web:
    build: .
    command: ["/srv/run.sh", "--fast"]
    ports: ["8080:80", "9000"]
    environment: {DB: "db://db:5555/x"}
    depends_on: {db: {condition: service_healthy}, once: {condition: service_completed_successfully}}
    logging: {driver: json-file}
  db:
    image: postgres:16@sha256:32324a2f41df5de9efe1af166b7008c3f55646f8d0e00d9550c16c9822366b4a
    pull_policy: always
    healthcheck: {test: ["CMD-SHELL", "pg_isready || exit 1"], interval: 5s}
  once: {image: "shop/tools", command: migrate}
`

// shop loads the file above with its stand-ins.
func shop(t *testing.T) *application {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := load(t.Context(), dir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestStandInsReplaceWhatNoRegistryIsThereFor(t *testing.T) {
	a := shop(t)
	want := map[string]string{"web": "shop-web", "db": "postgres:16", "once": "shop/tools"}
	if d := cmp.Diff(want, a.images); d != "" {
		t.Error(d)
	}
	for name, s := range a.project.Services {
		if s.Image != want[name] || s.Build != nil || s.PullPolicy != "" {
			t.Errorf("%s: image %q, build %v, pull policy %q", name, s.Image, s.Build, s.PullPolicy)
		}
	}
}

func TestStandInsAnswerWhereTheServiceIsAsked(t *testing.T) {
	a := shop(t)
	for _, tt := range []struct {
		service string
		want    []int
	}{
		{"web", []int{80, 9000}},
		{"db", []int{5432, 5555}}, // known by its image, and called by web
		{"once", nil},
	} {
		if got := ports(a.project.Project, a.project.Services[tt.service]); !slices.Equal(got, tt.want) {
			t.Errorf("%s answers on %v, want %v", tt.service, got, tt.want)
		}
	}
	if !endsByItself(a.project.Project, a.project.Services["once"]) || endsByItself(a.project.Project, a.project.Services["db"]) {
		t.Error("once ends by itself, db does not")
	}
	names, paths := programs(a.project.Services["web"])
	if !slices.Contains(names, "run.sh") || !slices.Equal(paths, []string{"/srv/run.sh"}) {
		t.Errorf("programs = %v, %v", names, paths)
	}
}

// Every attribute that the file writes is a claim, or counted as not judged.
func TestClaimsAreWhatTheFileWrites(t *testing.T) {
	all, notJudged := shop(t).claims()
	var got []string
	for _, c := range all {
		got = append(got, c.service+": "+c.attribute)
	}
	want := []string{
		"db: healthcheck interval", "db: healthcheck test", "db: image", "once: command", "once: image",
		"web: command", "web: depends_on db", "web: depends_on once", "web: environment",
		"web: ports 80 by name", "web: ports 80 published", "web: ports 9000 by name",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int{"build": 1, "logging": 1, "pull_policy": 1}, notJudged); d != "" {
		t.Error(d)
	}
}

func TestAProbeAsksWhatTheTestAsks(t *testing.T) {
	exec := func(command ...string) corev1.Probe {
		return corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: command}}}
	}
	for _, tt := range []struct {
		name  string
		probe corev1.Probe
		test  []string
		want  bool
	}{
		{"the same command", exec("pg_isready", "-U", "x"), []string{"CMD", "pg_isready", "-U", "x"}, true},
		{"the same script in a shell", exec("/bin/sh", "-c", "a || b"), []string{"CMD-SHELL", "a || b"}, true},
		{"a script with a variable, as Kubernetes writes it", exec("sh", "-c", "a $$X"), []string{"CMD-SHELL", "a $X"}, true},
		{"simple words need no shell", exec("pg_isready", "-U", "x"), []string{"CMD-SHELL", "pg_isready -U x"}, true},
		{"words that need a shell and have none", exec("a", "||", "b"), []string{"CMD-SHELL", "a || b"}, false},
		{"another program asks the same address", exec("/x/probe", "http://localhost:80/ok"), []string{"CMD", "curl", "-f", "http://localhost:80/ok"}, true},
		{"another address", exec("/x/probe", "http://localhost:80/no"), []string{"CMD", "curl", "-f", "http://localhost:80/ok"}, false},
		{"no probe command", corev1.Probe{}, []string{"CMD", "a"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := asks(tt.probe, tt.test); got != tt.want {
				t.Errorf("asks = %v", got)
			}
		})
	}
}

func TestOrderIsThatOfTheClock(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	at := func(start, open int) pod {
		p := pod{facts: &look.Facts{Started: noon.Add(time.Duration(start) * time.Second)}}
		if open > 0 {
			p.open = noon.Add(time.Duration(open) * time.Second)
		}
		return p
	}
	for _, tt := range []struct {
		name      string
		p, on     pod
		condition string
		want      verdict
	}{
		{"began after it answered", at(3, 5), at(0, 2), types.ServiceConditionHealthy, honoured},
		{"began before it answered", at(1, 3), at(0, 2), types.ServiceConditionHealthy, broken},
		{"began after it began", at(1, 3), at(0, 2), types.ServiceConditionStarted, honoured},
		{"it never answered", at(1, 3), at(0, 0), types.ServiceConditionHealthy, unknown},
		{"it never ended", at(1, 3), at(0, 2), types.ServiceConditionCompletedSuccessfully, unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ordered(tt.p, tt.on, tt.condition); got != tt.want {
				t.Errorf("ordered = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestKomposeTakesTheImagesThatAreThere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "all.yaml")
	text := "      containers:\n        - image: a:1\n          name: a\n          imagePullPolicy: Always\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := takeImagesFound(name); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(name)
	want := "      containers:\n        - image: a:1\n          imagePullPolicy: IfNotPresent\n          name: a\n"
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
}

func TestTablesHoldEveryApplicationAndTheTotals(t *testing.T) {
	folder := t.TempDir()
	r := &result{
		Name: "shop", Services: 3, Claims: 4,
		Sides:  map[string]*outcome{"nagi": {Ready: 7.25, Sum: sum{4, 0, 0}}, "kompose": {Sum: sum{1, 2, 1}, Missing: map[string]string{"web": "x"}}},
		ByKind: map[string]map[string]*sum{"nagi": {"image": {4, 0, 0}}, "kompose": {"image": {1, 2, 1}}}, NotJudged: map[string]int{"build": 2},
	}
	if err := r.write(folder); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := printTables(&b, folder); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| shop | 4 | 4 (100 %) | 0 | 7.2 s | 1 (25 %) | 1 | no: 1 missing |", "| **all** | 4 | 4 (100 %) | 0 | | 1 (25 %) | 1 | |",
		"| `image` | 4 | 4 | 0 | 1 | 1 |", "`build` 2",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the tables lack %q:\n%s", want, b.String())
		}
	}
}
