package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// What nagi deploy -o yaml prints runs where no Stack stands behind it: the
// objects alone wait, probe, own their files and run their hooks.
func TestTheWayOut(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	file := filepath.Join(root(t), "test", "e2e", "testdata", "wayout", "compose.yaml")
	// The cluster knows nagi-plane under another name only: it is pulled as any image.
	const plane = "registry.example/nagi-plane:1"
	s.Run(t, "sh", "-c", s.nagi+" image save plane --name "+plane+" | "+s.nagi+" image import -")
	objects := s.Run(t, s.nagi, "deploy", "-o", "yaml", "-f", file, "--plane-image", plane)
	if strings.Contains(objects, "nagi.dev/plane") {
		t.Errorf("it names another image of nagi-plane:\n%s", objects)
	}
	if strings.Contains(objects, "apiVersion: nagi.dev/") {
		t.Fatalf("it has a kind of Nagi:\n%s", objects)
	}
	s.apply(t, objects)
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "wayout", "--wait=false") })
	in := []string{"-n", "wayout"}
	s.kubectl(t, append(in, "rollout", "status", "deployment/client", "--timeout=90s")...)
	got := s.kubectl(t, append(in, "exec", "deploy/web", "--", "sh", "-c", "cat /tmp/hook /etc/text; stat -Lc ' %a %u' /etc/text")...)
	hold(t, "hook and config", got, "33\nhello 400 33")
	got = s.kubectl(t, append(in, "exec", "deploy/client", "--", "wget", "-qO-", "http://web/door")...)
	hold(t, "the name of a service", got, "open")
	s.kubectl(t, append(in, "create", "job", "now", "--from=cronjob/tick")...)
	s.kubectl(t, append(in, "wait", "job/now", "--for=condition=Complete", "--timeout=60s")...)
	if stacks := s.kubectl(t, append(in, "get", "stacks", "-o", "name")...); stacks != "" {
		t.Errorf("a Stack stands behind it: %s", stacks)
	}
}
