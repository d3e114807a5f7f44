package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Output runs the command and returns what it printed. The error holds what
// it complained about.
func (c *Cmd) Output() (string, error) {
	var out, complaint bytes.Buffer
	c.Stdout = &out
	if c.Stderr == nil {
		c.Stderr = &complaint
	}
	err := c.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, tail(complaint.String()+out.String()))
	}
	return out.String(), err
}

// tail keeps the end of a long text.
func tail(s string) string {
	const most = 4000
	if len(s) <= most {
		return s
	}
	return "…" + s[len(s)-most:]
}

// Run runs a command inside the machine and returns what it printed on
// standard output. t fails when the command does, or takes over ten minutes.
func (m *Machine) Run(t testing.TB, argv ...string) string {
	t.Helper()
	return m.RunWith(t, nil, argv...)
}

// RunWith is Run with a standard input.
func (m *Machine) RunWith(t testing.TB, in io.Reader, argv ...string) string {
	t.Helper()
	// Cleanups run commands too, when the test's own context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Minute)
	defer cancel()
	c := m.Command(ctx, argv...)
	c.Stdin = in
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Try runs a command inside the machine that may fail, and returns its exit
// code and all it printed. The code is -1 for a command that could not run or
// was killed.
func (m *Machine) Try(ctx context.Context, argv ...string) (code int, out string) {
	c := m.Command(ctx, argv...)
	var b bytes.Buffer
	c.Stdout, c.Stderr = &b, &b
	if err := c.Run(); err != nil && c.ProcessState == nil {
		return -1, err.Error()
	}
	return c.ProcessState.ExitCode(), b.String()
}

// Start starts a command inside the machine; it is killed when the test ends.
func (m *Machine) Start(t testing.TB, argv ...string) *Cmd {
	t.Helper()
	c := m.Command(context.Background(), argv...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // ended already is fine
		_ = c.Wait()
	})
	return c
}

// WriteFile writes a file of the machine, and the folders that lead to it.
// While the power is off there are only /etc, /var/lib and /var/log.
func (m *Machine) WriteFile(name string, data []byte, mode os.FileMode) error {
	p, err := m.host(name)
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return errors.Join(os.WriteFile(p, data, mode), os.Chmod(p, mode))
}

// ReadFile reads a file of the machine. While the power is off there are only
// /var/lib, /var/log and what the machine changed of /etc.
func (m *Machine) ReadFile(name string) ([]byte, error) {
	p, err := m.host(name)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	return os.ReadFile(p)
}
