package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"nagi.dev/internal/layout"
	"nagi.dev/internal/status"
)

// A waiter follows the status file of a server until it is ready.
type waiter struct {
	io      stdio
	dirs    layout.Dirs
	timeout time.Duration
	begun   time.Time
}

// wait says which parts become ready, and returns once all are, or why they
// will not be.
func (w waiter) wait(ctx context.Context, p process) (status.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	said := map[string]bool{}
	for {
		over := p.over() // before the file: what it wrote last is then there
		s := w.read(p.pid)
		w.say(s, said)
		switch {
		case s.Ready:
			return s, nil
		case s.Error != "":
			return s, w.fail(s.Error)
		case over:
			return s, w.fail("it ended before it was ready")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return s, w.givenUp(ctx, s)
		}
	}
}

// over tells whether the server has ended.
func (p process) over() bool {
	if p.ended == nil {
		return !isServer(p.pid)
	}
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// read returns the status that server pid wrote; the zero Status while it
// has written none. It must tell them apart: a former server leaves its file.
func (w waiter) read(pid int) status.Status {
	s, err := status.Read(w.dirs.Status())
	if err != nil || s.PID != pid {
		return status.Status{}
	}
	return s
}

// say prints each part once, when it is ready, and each restart.
func (w waiter) say(s status.Status, said map[string]bool) {
	for _, p := range s.Parts {
		key := p.Name
		if p.State == status.Restarting {
			key = fmt.Sprint(p.Name, " restart ", p.Restarts)
		}
		if said[key] || (p.State != status.Ready && p.State != status.Restarting) {
			continue
		}
		said[key] = true
		line := fmt.Sprintf("  %-12s %-10s %6s", p.Name, p.State, since(w.begun))
		if p.State == status.Restarting && p.Error != "" {
			line += "  " + p.Error
		}
		w.io.note("%s", line)
	}
}

// fail names the reason of a server that gave up, after its last log lines.
func (w waiter) fail(reason string) error {
	lines := lastLines(serverLog(w.dirs), 10)
	for _, l := range lines {
		w.io.note("  | %s", l)
	}
	return fmt.Errorf("start the server: %s; all of its log is in %s", reason, serverLog(w.dirs))
}

// givenUp says that the server lives on, and what it was waiting for.
func (w waiter) givenUp(ctx context.Context, s status.Status) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("interrupted; the server goes on starting in the background, nagi status shows how it is")
	}
	var missing []string
	for _, p := range s.Parts {
		if p.State != status.Ready {
			missing = append(missing, p.Name+" ("+p.State+")")
		}
	}
	if len(missing) == 0 {
		missing = []string{"the server to say how it is"}
	}
	return fmt.Errorf("not ready within %s: waiting for %s; it goes on in the background, its log is %s",
		w.timeout, strings.Join(missing, ", "), serverLog(w.dirs))
}

// tailOf returns the last n lines of r.
func tailOf(r io.Reader, n int) []string {
	var lines []string
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		if lines = append(lines, scan.Text()); len(lines) > n {
			lines = lines[1:]
		}
	}
	return lines
}
