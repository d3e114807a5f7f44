package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"nagi.dev/test/lab"
)

// ginkgo is the runner that spreads tests over processes.
const ginkgo = "github.com/onsi/ginkgo/v2/ginkgo"

// stamp tells the test program which version it is of: some tests choose by it.
func stamp(ctx context.Context) (string, error) {
	c := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	c.Dir = "engine"
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("find the version of Kubernetes: %w", err)
	}
	version := strings.TrimSpace(string(out))
	number := strings.Split(strings.TrimPrefix(version, "v"), ".")
	const at = "k8s.io/component-base/version."
	return fmt.Sprintf("-ldflags=-s -w -X %[1]sgitVersion=%[2]s -X %[1]sgitMajor=%[3]s -X %[1]sgitMinor=%[4]s", at, version, number[0], number[1]), nil
}

// build builds the upstream test program and its runner where they are
// missing. Both come from the sources that nagi itself is made of.
func build(ctx context.Context, o options) error {
	dir := filepath.Dir(o.tests)
	tags := "-tags=no_btrfs,no_zfs,no_devmapper"
	flags, err := stamp(ctx)
	if err != nil {
		return err
	}
	for name, args := range map[string][]string{
		o.tests:    {"test", "-c", tags, flags, "-o", o.tests, "k8s.io/kubernetes/test/e2e"},
		o.runner(): {"build", tags, flags, "-o", o.runner(), ginkgo},
	} {
		if _, err := os.Stat(name); err == nil {
			continue
		}
		fmt.Println("building", name, "(several minutes the first time)")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("build %s: %w", name, err)
		}
		c := exec.CommandContext(ctx, "go", args...)
		c.Dir = "engine"
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

func (o options) runner() string { return filepath.Join(filepath.Dir(o.tests), "ginkgo") }

// start brings up the server and every image.
func start(ctx context.Context, o options, m *lab.Machine) error {
	archives, err := filepath.Glob(filepath.Join(o.images, "*.tar"))
	if err != nil || len(archives) == 0 {
		return fmt.Errorf("find images in %s: make conformance makes them (%v)", o.images, err)
	}
	if _, err := m.Command(ctx, o.nagi, "up").Output(); err != nil {
		return err
	}
	if _, err = m.Command(ctx, append([]string{o.nagi, "image", "import"}, archives...)...).Output(); err != nil {
		return err
	}
	return mirror(ctx, o, m)
}

// test runs the tests on the machine. Their output goes to a file.
func test(ctx context.Context, o options, m *lab.Machine) error {
	name := filepath.Join(o.out, "e2e.log")
	log, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("run tests: %w", err)
	}
	defer log.Close()
	fmt.Println("running the tests; tail -f", name, "shows how it goes")
	c := m.Command(ctx, o.runner(), "-procs", strconv.Itoa(o.procs), "-no-color", "-silence-skips", "-keep-going",
		"-timeout", o.timeout.String(), "-focus", o.focus, "-skip", skipExpression(),
		"-output-dir", o.out, "-junit-report", "junit.xml", o.tests, "--",
		"-kubeconfig=/etc/nagi/kubeconfig", "-provider=skeleton", "-num-nodes=1", "-disable-log-dump", "-dump-logs-on-failure=false",
		"-kubectl-path="+filepath.Join(m.Home(), "kubectl"))
	c.Stdout, c.Stderr = log, log
	if err := os.Symlink(o.nagi, filepath.Join(m.Home(), "kubectl")); err != nil {
		return fmt.Errorf("run tests: %w", err)
	}
	if err := c.Run(); err != nil {
		return fmt.Errorf("run tests: %w: see %s", err, name)
	}
	return nil
}

func skipExpression() string {
	names := make([]string, len(skips))
	for i, s := range skips {
		names[i] = "(" + s.tests + ")"
	}
	return strings.Join(names, "|")
}
