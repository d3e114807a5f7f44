package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"nagi.dev/compose"
)

// A probe looks at one thing from inside a container, with a shell. It stands
// beside the attributes of the compose file that it holds to their word.
type probe struct {
	rows    string // attributes, in words of their own; "services.*." is left out
	service string
	script  string
	want    string // a regular expression for all that the script prints
}

// TestTheFileIsWhatRuns deploys testdata/differential and asks its containers
// whether they are as the file says.
func TestTheFileIsWhatRuns(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	file := filepath.Join(root(t), "test", "e2e", "testdata", "differential", "compose.yaml")
	s.Run(t, "env", "PROBE_WORD=sesame", s.nagi, "deploy", "-f", file, "--timeout", "4m")
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "differential", "--wait=false") })

	for _, service := range servicesOf(insideProbes) {
		t.Run(service, func(t *testing.T) { s.ask(t, service) })
	}
	for _, o := range outsideProbes {
		t.Run(strings.Fields(o.rows)[0], func(t *testing.T) {
			_, got := s.Try(t.Context(), "sh", "-c", strings.ReplaceAll(o.script, "nagi ", s.nagi+" "))
			hold(t, o.rows, got, o.want)
		})
	}
	t.Run("a scheduled job fires", func(t *testing.T) {
		eventually(t, 80*time.Second, "the job of every minute has run", func() (string, bool) {
			code, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "differential", "exec", "deploy/files", "--", "ls", "/shared/minute")
			return out, code == 0
		})
	})
	s.stops(t)
}

// ask runs all probes of one service in one shell, which says where each begins.
func (s site) ask(t *testing.T, service string) {
	const mark = "=== probe "
	var script strings.Builder
	var probes []probe
	for _, p := range insideProbes {
		if p.service == service {
			fmt.Fprintf(&script, "echo '%s%d'; (%s) 2>&1\n", mark, len(probes), p.script)
			probes = append(probes, p)
		}
	}
	pod := strings.TrimSpace(s.kubectl(t, "-n", "differential", "get", "pods", "-l", "nagi.dev/service="+service,
		"--field-selector", "status.phase=Running", "-o", "jsonpath={.items[0].metadata.name}"))
	_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "differential", "exec", pod, "-c", service, "--", "sh", "-c", script.String()+"true")
	answers := strings.Split(out, mark)
	if len(answers) != len(probes)+1 {
		t.Fatalf("%d answers to %d probes:\n%s", len(answers)-1, len(probes), out)
	}
	for i, p := range probes {
		_, got, _ := strings.Cut(answers[i+1], "\n")
		hold(t, p.rows, got, p.want)
	}
}

// hold compares what a probe saw with what it should have seen.
func hold(t *testing.T, rows, got, want string) {
	t.Helper()
	if ok, err := regexp.MatchString(`(?s)^(?:`+want+`)\s*$`, got); err != nil || !ok {
		t.Errorf("%s: got\n%s\nwant %s %v", rows, got, want, err)
	}
}

func servicesOf(probes []probe) []string {
	var all []string
	for _, p := range probes {
		if !slices.Contains(all, p.service) {
			all = append(all, p.service)
		}
	}
	return all
}

// stops holds what compose says of the end of a container: hooks, then the
// signal, all within the grace period.
func (s site) stops(t *testing.T) {
	t.Helper()
	began := time.Now()
	s.kubectl(t, "-n", "differential", "delete", "pod", "-l", "nagi.dev/service=stubborn", "--wait=true")
	if took := time.Since(began); took < 1500*time.Millisecond || took > 9*time.Second {
		t.Errorf("stop_grace_period: a container that does not listen was gone after %s, want about 2s", took)
	}
	s.kubectl(t, "-n", "differential", "delete", "pod", "-l", "nagi.dev/service=hooked", "--wait=true")
	got := s.kubectl(t, "-n", "differential", "exec", "deploy/files", "--", "cat", "/shared/stop")
	hold(t, "pre_stop, stop_signal", got, "one hook /var\ntwo service\nint")
}

// TestWhatCannotRunDoesNot deploys what has to fail or to wait.
func TestWhatCannotRunDoesNot(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	file := filepath.Join(root(t), "test", "e2e", "testdata", "differential", "failing.yaml")
	s.Run(t, s.nagi, "deploy", "-f", file, "--detach")
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "failing", "--wait=false") })
	for _, o := range failingProbes {
		eventually(t, 90*time.Second, o.rows+" is "+o.want, func() (string, bool) {
			_, got := s.Try(t.Context(), "sh", "-c", strings.ReplaceAll(o.script, "nagi ", s.nagi+" "))
			ok, _ := regexp.MatchString(`^(?:`+o.want+`)\s*$`, got)
			return got, ok
		})
	}
}

// Every attribute that the table calls applied has a probe, or a reason why it
// has none here.
func TestEveryAppliedAttributeHasAProbe(t *testing.T) {
	probed := map[string]bool{}
	note := func(rows string) {
		for _, r := range strings.Fields(rows) {
			if first, _, _ := strings.Cut(r, "."); !slices.Contains(topLevel, first) {
				r = "services.*." + r
			}
			probed[r] = true
		}
	}
	for _, p := range slices.Concat(insideProbes, outsideProbes, failingProbes) {
		note(p.rows)
	}
	for rows := range elsewhere {
		note(rows)
	}
	note(stopped)
	applied := compose.AppliedAttributes()
	for _, a := range applied {
		if !probed[a] && !ofOthers(a) {
			t.Errorf("%s is applied, and no probe holds it", a)
		}
		delete(probed, a)
	}
	for a := range probed {
		t.Errorf("%s has a probe, and the table does not call it applied", a)
	}
}

// topLevel are the words with which a path begins that is not a service's.
var topLevel = []string{"name", "include", "services", "networks", "volumes", "configs", "secrets", "jobs", "x-nagi"}

// ofOthers says whether tests beside this one look at an attribute: those of
// networks, of builds, of updates and of watching.
func ofOthers(at string) bool {
	for _, prefix := range []string{
		"networks", "services.*.networks", "services.*.network_mode", "services.*.build", "services.*.develop",
		"services.*.deploy.rollback_config", "services.*.deploy.update_config",
	} {
		if at == prefix || strings.HasPrefix(at, prefix+".") {
			return true
		}
	}
	return false
}
