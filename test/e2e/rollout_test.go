package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// careful is a compose file whose updates are watched.
func careful(colour, command, update string) string {
	return fmt.Sprintf(`name: careful
services:
  web:
    image: busybox:latest
    command: [sh, -c, %q]
    environment: {COLOUR: %s}
    stop_grace_period: 0s
    healthcheck: {test: [CMD, test, -e, /tmp/ok], interval: 1s, retries: 2}
    deploy:
      replicas: 2
      update_config: {parallelism: 1, %s}
      rollback_config: {parallelism: 0, order: stop-first}
`, command, colour, update)
}

const (
	healthy = "touch /tmp/ok; sleep 1000000"
	sickly  = "sleep 1000000"
	brief   = "touch /tmp/ok; sleep 4; exit 3"
)

func TestAFailedUpdateGoesOnWhenTheFileSaysSo(t *testing.T) {
	s := quiet.use(t)
	deploy := func(text string) (int, string) {
		text = strings.Replace(text, "name: careful", "name: onward", 1)
		return s.Try(t.Context(), s.nagi, "deploy", "-f", s.compose(t, "onward", text))
	}
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "onward", "--wait=false") })
	colours := func() string {
		_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "onward", "get", "pods", "-o",
			`jsonpath={range .items[*]}{.spec.containers[0].env[0].value}{"\n"}{end}`)
		return out
	}
	if code, out := deploy(careful("red", healthy, "failure_action: continue")); code != 0 {
		t.Fatal(out)
	}
	code, out := deploy(careful("black", sickly, "failure_action: continue"))
	if code != 1 || !strings.Contains(out, "health check") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	eventually(t, time.Minute, "all containers are new, though none is well", func() (string, bool) {
		out := colours()
		return out, out == "black\nblack\n"
	})
	if events := s.kubectl(t, "-n", "onward", "get", "events"); !strings.Contains(events, "UpdateContinued") {
		t.Errorf("events:\n%s", events)
	}
	if out := s.Run(t, s.nagi, "history", "-p", "onward"); !strings.Contains(out, "web failed (continued): ") {
		t.Errorf("history:\n%s", out)
	}
	if code, out := deploy(careful("blue", healthy, "failure_action: continue")); code != 0 || colours() != "blue\nblue\n" {
		t.Errorf("a file that is well again: exit code %d, %s\n%s", code, colours(), out)
	}
}

// lost is a compose file whose service cannot go back: what it writes stays.
func lost(command string) string {
	return fmt.Sprintf(`name: lost
services:
  web:
    image: busybox:latest
    command: [sh, -c, %q]
    volumes: ["state:/state"]
    stop_grace_period: 0s
    healthcheck: {test: [CMD, test, -e, /tmp/ok], interval: 1s, retries: 2}
    deploy:
      update_config: {failure_action: rollback}
      rollback_config: {failure_action: pause, monitor: 5s}
volumes: {state: {}}
`, command)
}

func TestGoingBackThatFailsStandsStill(t *testing.T) {
	s := quiet.use(t)
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "lost", "--wait=false") })
	s.Run(t, s.nagi, "deploy", "-f", s.compose(t, "lost", lost("test -e /state/bad && exit 3; touch /tmp/ok; sleep 1000000")))
	code, out := s.Try(t.Context(), s.nagi, "deploy", "-f", s.compose(t, "lost", lost("touch /state/bad; exit 4")))
	if code != 1 || !strings.Contains(out, "revision 2 failed") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	eventually(t, time.Minute, "it stands still", func() (string, bool) {
		_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "lost", "get", "deployment", "web", "-o", "jsonpath={.spec.paused}")
		return out, out == "true"
	})
	if events := s.kubectl(t, "-n", "lost", "get", "events"); !strings.Contains(events, "RollbackFailed") {
		t.Errorf("events:\n%s", events)
	}
	if out := s.Run(t, s.nagi, "history", "-p", "lost", "-o", "json"); !strings.Contains(out, "going back failed too (paused): ") {
		t.Errorf("history:\n%s", out)
	}
}

func TestAFailedUpdateGoesBack(t *testing.T) {
	s := quiet.use(t)
	deploy := func(text string) (int, string) {
		return s.Try(t.Context(), s.nagi, "deploy", "-f", s.compose(t, "careful", text))
	}
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "careful", "--wait=false") })
	if code, out := deploy(careful("red", healthy, "failure_action: rollback")); code != 0 {
		t.Fatal(out)
	}
	for _, tt := range []struct{ name, text string }{
		{"a health check that never passes", careful("black", sickly, "failure_action: rollback, order: start-first")},
		{"containers that end while they are watched", careful("grey", brief, "failure_action: rollback, monitor: 20s")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begun := time.Now()
			code, out := deploy(tt.text)
			if code != 1 || !strings.Contains(out, "failed, revision 1 runs") {
				t.Errorf("exit code %d\n%s", code, out)
			}
			t.Logf("after %s it says\n%s", time.Since(begun).Round(time.Second), out)
			eventually(t, 30*time.Second, "the former containers run", func() (string, bool) {
				_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "careful", "get", "pods", "-o",
					`jsonpath={range .items[*]}{.spec.containers[0].env[0].value} {.status.containerStatuses[0].ready}{"\n"}{end}`)
				return out, out == "red true\nred true\n"
			})
			if events := s.kubectl(t, "-n", "careful", "get", "events"); !strings.Contains(events, "RolledBack") {
				t.Errorf("events:\n%s", events)
			}
		})
	}
	before := s.still(t, "careful")
	if after := s.still(t, "careful"); after != before {
		t.Errorf("what went back does not rest:\n%s\n%s", before, after)
	}
	if out := s.Run(t, s.nagi, "ps", "careful"); !strings.Contains(out, "RolledBack") || !strings.Contains(out, "2/2") {
		t.Errorf("nagi ps says\n%s", out)
	}

	// The same file once more is tried once more.
	again := careful("grey", brief, "failure_action: rollback, monitor: 20s")
	if code, out := deploy(again); code != 1 || !strings.Contains(out, "UpdateWatched") {
		t.Errorf("deployed again: exit code %d\n%s", code, out)
	}

	// A paused update stands still: one old container serves on.
	code, out := deploy(careful("white", sickly, "failure_action: pause"))
	if code != 1 || !strings.Contains(out, "stands still") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out := s.kubectl(t, "-n", "careful", "get", "deployment", "web", "-o", "jsonpath={.spec.paused} {.status.readyReplicas}"); out != "true 1" {
		t.Errorf("paused, ready = %s", out)
	}
	if code, out := deploy(careful("blue", healthy, "failure_action: rollback")); code != 0 {
		t.Fatal(out)
	}

	out = s.Run(t, s.nagi, "history", "-p", "careful")
	t.Logf("history:\n%s", out)
	for _, want := range []string{"5 *", "web went back to 1: ", "web failed (paused): "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the history", want)
		}
	}
	out = s.Run(t, s.nagi, "rollback", "-p", "careful", "--to", "1", "--dry-run")
	if !strings.Contains(out, "-       COLOUR: blue\n+       COLOUR: red\n") {
		t.Errorf("the dry run says\n%s", out)
	}
	s.Run(t, s.nagi, "rollback", "-p", "careful", "web", "--to", "1")
	out = s.kubectl(t, "-n", "careful", "get", "pods", "-o", `jsonpath={.items[*].spec.containers[0].env[0].value}`)
	if !strings.Contains(out, "red") {
		t.Errorf("after a rollback there runs %s", out)
	}
	if out := s.Run(t, s.nagi, "history", "-p", "careful"); !strings.Contains(out, "rollback of web to 1") {
		t.Errorf("history:\n%s", out)
	}
}
