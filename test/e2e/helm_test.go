package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// helmVersion is the Helm that charts are tried with. It is no dependency: it
// is built beside the project when it is not there.
const helmVersion = "v3.22.0"

// TestHelm installs the chart of a stack with the real Helm, changes a value,
// goes back and takes it away.
func TestHelm(t *testing.T) {
	helm := helmProgram(t)
	s := quiet.use(t)
	s.load(t, "busybox")
	const plane = "registry.example/nagi-plane:1"
	s.Run(t, "sh", "-c", s.nagi+" image save plane --name "+plane+" | "+s.nagi+" image import -")
	file := filepath.Join(root(t), "test", "e2e", "testdata", "wayout", "compose.yaml")
	chart := filepath.Join(s.Home(), "chart")
	s.Run(t, s.nagi, "deploy", "-o", "helm", "--to", chart, "-f", file, "--plane-image", plane)
	run := func(args ...string) string {
		t.Helper()
		home := s.Home()
		return s.Run(t, append([]string{
			"env", "KUBECONFIG=/etc/nagi/kubeconfig", "HELM_CACHE_HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home,
			helm, "--namespace", "charted",
		}, args...)...)
	}
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "charted", "--ignore-not-found", "--wait=false") })
	if out := run("lint", "--strict", chart); !strings.Contains(out, "0 chart(s) failed") {
		t.Errorf("helm lint says\n%s", out)
	}
	run("install", "shop", chart, "--create-namespace", "--wait", "--timeout", "90s")
	door := func() string {
		return s.kubectl(t, "-n", "charted", "exec", "deploy/client", "--", "wget", "-qO-", "http://web/door")
	}
	hold(t, "the name of a service", door(), "open")
	replicas := func(want string) {
		t.Helper()
		hold(t, "replicas of client", s.kubectl(t, "-n", "charted", "get", "deployment", "client", "-o", "jsonpath={.spec.replicas}"), want)
	}
	run("upgrade", "shop", chart, "--set", "services.client.replicas=2", "--wait", "--timeout", "90s")
	replicas("2")
	run("rollback", "shop", "1", "--wait", "--timeout", "90s")
	replicas("1")
	hold(t, "the name of a service after all that", door(), "open")
	run("uninstall", "shop", "--wait", "--timeout", "90s")
	if left := s.kubectl(t, "-n", "charted", "get", "deployments,services,cronjobs,secrets", "-o", "name"); left != "" {
		t.Errorf("helm uninstall leaves\n%s", left)
	}
}

// helmProgram returns the real Helm, built the first time.
func helmProgram(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(root(t), "build", "helm", helmVersion)
	program := filepath.Join(dir, "helm")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	cmd := exec.CommandContext(t.Context(), "go", "install", "helm.sh/helm/v3/cmd/helm@"+helmVersion)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=", "GOBIN="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build helm %s: %v\n%s", helmVersion, err, out)
	}
	return program
}
