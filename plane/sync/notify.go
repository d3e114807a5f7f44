package sync

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// signals by their names.
var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "INT": syscall.SIGINT,
	"TERM": syscall.SIGTERM, "QUIT": syscall.SIGQUIT, "WINCH": syscall.SIGWINCH,
}

func signalNamed(name string) (syscall.Signal, error) {
	s, ok := signals[strings.TrimPrefix(name, "SIG")]
	if !ok {
		return 0, fmt.Errorf("there is no signal %q; write HUP, USR1, USR2, INT, TERM, QUIT or WINCH", name)
	}
	return s, nil
}

// notifier returns how to tell of a change; nil: nobody is told. An error
// means: try again.
func (o Options) notifier() func(context.Context) error {
	switch {
	case o.Process != "":
		return func(context.Context) error { return o.signal() }
	case o.Reload != "":
		return o.reload
	}
	return nil
}

// signal sends to the oldest process of the name. One that is not there has
// not read the files yet and needs no word.
func (o Options) signal() error {
	s, err := signalNamed(o.Signal)
	if err != nil {
		return err
	}
	pid := oldest(o.proc, o.Process)
	if pid == 0 {
		fmt.Fprintf(o.Out, "no process %s runs; nobody is told\n", o.Process)
		return nil
	}
	if err := syscall.Kill(pid, s); err != nil {
		return fmt.Errorf("send %s to %s (process %d): %w", o.Signal, o.Process, pid, err)
	}
	fmt.Fprintf(o.Out, "sent %s to %s (process %d)\n", o.Signal, o.Process, pid)
	return nil
}

// oldest returns the process of that program which began first, else 0. A
// master is older than its workers.
func oldest(proc, program string) int {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return 0
	}
	type found struct {
		pid   int
		began uint64
	}
	var all []found
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if dir := filepath.Join(proc, e.Name()); is(dir, program) {
			all = append(all, found{pid, began(dir)})
		}
	}
	if len(all) == 0 {
		return 0
	}
	return slices.MinFunc(all, func(a, b found) int {
		if a.began != b.began {
			return int(min(max(int64(a.began)-int64(b.began), -1), 1))
		}
		return a.pid - b.pid
	}).pid
}

// is tells whether the process of dir is that program: by its short name, or
// by the first word of its command line, where a colon may follow.
func is(dir, program string) bool {
	if comm, err := os.ReadFile(filepath.Join(dir, "comm")); err == nil && strings.TrimSpace(string(comm)) == program {
		return true
	}
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(line), "\x00")
	first, _, _ = strings.Cut(first, " ")
	return filepath.Base(strings.TrimSuffix(first, ":")) == program
}

// began returns when a process started, in the kernel's ticks.
func began(dir string) uint64 {
	b, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 20 {
		return 0
	}
	n, _ := strconv.ParseUint(f[19], 10, 64) // field 22: starttime
	return n
}

func (o Options) reload(ctx context.Context) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, o.Reload, nil)
	if err != nil {
		return fmt.Errorf("ask for a reload: %w", err)
	}
	a, err := client.Do(q)
	if err != nil {
		return fmt.Errorf("ask for a reload: %w", err)
	}
	defer a.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(a.Body, 64<<10)) // so that the connection is used again
	if a.StatusCode/100 != 2 {
		return fmt.Errorf("ask for a reload: %s answers %s", o.Reload, a.Status)
	}
	fmt.Fprintf(o.Out, "asked %s: %s\n", o.Reload, a.Status)
	return nil
}
