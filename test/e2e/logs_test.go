package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tape keeps what a command prints while it runs.
type tape struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tape) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(b)
}

func (t *tape) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// record runs a command until the test ends.
func (s site) record(t testing.TB, argv ...string) *tape {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out := &tape{}
	c := s.Command(ctx, argv...)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = c.Wait() // it was killed
	})
	return out
}

const talk = `name: talk
services:
  say:
    image: busybox:latest
    command: [sh, -c, "i=0; while :; do echo line $$i; i=$$((i+1)); sleep 0.2; done"]
    stop_grace_period: 0s
`

// heard returns how many lines each pod has said. Each must come once, in order.
func heard(t testing.TB, out string) map[string]int {
	t.Helper()
	next := map[string]int{}
	for l := range strings.Lines(out) {
		var line struct{ Pod, Line string }
		if err := json.Unmarshal([]byte(l), &line); err != nil {
			continue // the last one is half there
		}
		if want := fmt.Sprint("line ", next[line.Pod]); line.Line != want {
			t.Fatalf("pod %s said %q, want %q", line.Pod, line.Line, want)
		}
		next[line.Pod]++
	}
	return next
}

func TestLogsAreFollowedThroughARestartOfTheServer(t *testing.T) {
	s := quiet.use(t)
	s.Run(t, s.nagi, "deploy", "-f", s.compose(t, "talk", talk))
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "talk", "--wait=false") })
	out := s.record(t, s.nagi, "logs", "-p", "talk", "-f", "--tail", "-1", "-o", "json")
	hear := func(pods, lines int) {
		t.Helper()
		eventually(t, time.Minute, fmt.Sprintf("%d pods say %d lines", pods, lines), func() (string, bool) {
			now := heard(t, out.String())
			ok := len(now) == pods
			for _, n := range now {
				ok = ok && n >= lines
			}
			return fmt.Sprint(now), ok
		})
	}
	hear(1, 5)
	s.kill(t, s.part(t, "control"))
	s.settled(t)
	said := 0
	for _, n := range heard(t, out.String()) {
		said = n
	}
	hear(1, said+10)
	s.Run(t, s.nagi, "scale", "-p", "talk", "say=2")
	hear(2, 5)
	if got := s.Run(t, s.nagi, "logs", "-p", "talk", "--grep", "^line 3$", "--no-prefix", "say"); got != "line 3\nline 3\n" {
		t.Errorf("grep finds %q", got)
	}
}
