package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const calm = `name: calm
services:
  web:
    image: busybox:latest
    command: [sleep, "1000000"]
    stop_grace_period: 0s
`

// Every broken compose file that the room compose knows gives its one error,
// soon, and leaves a stack that runs as it is.
func TestBrokenFilesLeaveAStackUntouched(t *testing.T) {
	s := shared.use(t)
	file := filepath.Join(s.Home(), "calm", "compose.yaml")
	if err := s.WriteFile(file, []byte(calm), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Run(t, s.nagi, "deploy", "-f", file)
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "calm", "--wait=false") })
	before := s.picture(t, "calm")

	files, err := filepath.Glob(filepath.Join(root(t), "compose", "testdata", "broken", "*.yaml"))
	if err != nil || len(files) < 50 {
		t.Fatalf("find broken files: there are %d, want at least 50 (%v)", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".yaml"), func(t *testing.T) { s.deployBroken(t, f) })
	}
	if after := s.picture(t, "calm"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// picture is what must not change: generations, pods, their start.
func (s site) picture(t *testing.T, namespace string) string {
	t.Helper()
	return s.kubectl(t, "-n", namespace, "get", "stacks,deployments,pods,services", "-o",
		`jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation} {.status.containerStatuses[*].containerID}{"\n"}{end}`)
}

// deployBroken deploys a file in the name of the stack that runs. The time is
// that of the processor: the machine may be busy with other tests.
func (s site) deployBroken(t *testing.T, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	want := "deploy: " + strings.TrimPrefix(string(first), "# want: ") + "\n"
	var out, complaint bytes.Buffer
	argv := []string{s.nagi, "deploy", "-f", filepath.Base(file)}
	if !strings.Contains(want, " name: ") { // a name given here hides a bad one in the file
		argv = append(argv, "-p", "calm")
	}
	c := s.Command(t.Context(), argv...)
	c.Dir, c.Stdout, c.Stderr = filepath.Dir(file), &out, &complaint
	_ = c.Run() // its exit code is looked at below
	if c.ProcessState == nil || c.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v", c.ProcessState)
	}
	if got := complaint.String(); got != want || out.Len() > 0 {
		t.Errorf("it says\n%s%swant\n%s", out.String(), got, want)
	}
	if took := c.ProcessState.UserTime() + c.ProcessState.SystemTime(); took > time.Second {
		t.Errorf("it took %s", took)
	}
}
