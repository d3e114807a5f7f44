package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A Step is one command.
type Step struct {
	Command []string `json:"command"`
	User    string   `json:"user"` // NAME, NUMBER, NAME:GROUP…; "": that of the container
	Dir     string   `json:"dir"`  // "": that of the container
	Env     []string `json:"env"`  // NAME=value, over those of the container
}

// Parse reads a step from JSON. A field that it does not know is an error: an
// older program must not leave out what a newer one asks.
func Parse(text string) (Step, error) {
	var s Step
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("read step: %w", err)
	}
	if len(s.Command) == 0 || s.Command[0] == "" {
		return s, errors.New("read step: it has no command")
	}
	return s, nil
}

// Options say what to run.
type Options struct {
	Steps          []Step
	Root           string // where /etc/passwd and /etc/group are looked for; "": /
	Stdout, Stderr io.Writer
}

// Run runs the steps and returns at the first that fails.
func Run(ctx context.Context, o Options) error {
	for i, s := range o.Steps {
		if err := run(ctx, o, s); err != nil {
			return fmt.Errorf("run step %d of %d, %s: %w", i+1, len(o.Steps), s.Command[0], err)
		}
	}
	return nil
}

func run(ctx context.Context, o Options, s Step) error {
	credential, err := identify(s.User, o.Root)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	c.Env, c.Dir, c.Stdout, c.Stderr = append(os.Environ(), s.Env...), s.Dir, o.Stdout, o.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second // for a grandchild that holds the output
	err = c.Run()
	if errors.Is(err, syscall.EPERM) && credential != nil && os.Getuid() != 0 {
		return fmt.Errorf("become user %s: the container runs as user %d, who may not: %w", s.User, os.Getuid(), err)
	}
	return err
}
