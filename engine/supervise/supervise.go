// Package supervise keeps child processes running: this same file,
// re-executed. A child that ends is started again after a pause that grows;
// a child whose supervisor dies is killed by the kernel. It knows nothing of
// what the children do. Start with Child.
package supervise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"gopkg.in/natefinch/lumberjack.v2"

	"nagi.dev/internal/status"
)

// The pause before a restart doubles from first to last, and starts anew
// after a run of stable.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
	stable     = time.Minute
)

// A Child is one process, kept running. It tells that it is ready by a line
// "ready" on its file descriptor 3; anything else there is why it cannot be.
type Child struct {
	Title   string   // "control"
	Args    []string // argv, with argv[0]
	Env     []string // beside the server's own
	LogDir  string   // gets Title.log
	Ready3  bool     // says "ready" on descriptor 3; else Check decides
	Check   func(context.Context) error
	Grace   time.Duration                             // between SIGTERM and SIGKILL; 0: 10 s
	Changed func(name string, set func(*status.Part)) // told of every change of state

	// Hold is handed down, on descriptor 4: what it holds ends with the last
	// process that has it. nil: nothing.
	Hold *os.File

	More []*os.File // handed down from descriptor 5 on

	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
	ready  chan struct{} // closed when ready for the first time
	failed chan error    // the first end, while it was never ready
}

// Name implements run.Part.
func (c *Child) Name() string { return c.Title }

// Start implements run.Part.
func (c *Child) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.done = cancel, make(chan struct{})
	c.ready, c.failed = make(chan struct{}), make(chan error, 1)
	go func() {
		// The kernel ties a child's life to the thread that started it.
		runtime.LockOSThread()
		defer close(c.done)
		c.keep(ctx)
	}()
	return nil
}

// Ready implements run.Readier: it returns once the child has been ready, or
// why its first run ended.
func (c *Child) Ready(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case err := <-c.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("not ready: %w", ctx.Err())
	}
}

// Stop implements run.Part.
func (c *Child) Stop(context.Context) error {
	if c.cancel == nil {
		return nil
	}
	c.cancel()
	<-c.done
	return nil
}

// keep runs the child until ctx ends.
func (c *Child) keep(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := c.run(ctx)
		if ctx.Err() != nil {
			break
		}
		select {
		case c.failed <- err:
		default:
		}
		if time.Since(began) > stable {
			pause = firstPause
		}
		c.change(func(p *status.Part) { p.State, p.Error, p.PID = status.Restarting, err.Error(), 0; p.Restarts++ })
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
	c.change(func(p *status.Part) { p.State, p.PID = status.Stopped, 0 })
}

// run is one life of the process.
func (c *Child) run(ctx context.Context) error {
	said, say, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer said.Close()
	log := &lumberjack.Logger{Filename: filepath.Join(c.LogDir, c.Title+".log"), MaxSize: 20, MaxBackups: 2}
	defer log.Close()
	tail := &tail{w: log}
	cmd := c.command(tail, say)
	err = cmd.Start()
	say.Close()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	c.change(func(p *status.Part) { p.State, p.PID = status.Starting, cmd.Process.Pid })
	runCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	reason := make(chan string, 1)
	go c.await(runCtx, said, reason)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		return c.end(cmd, ended)
	}
	select {
	case why := <-reason:
		return errors.New(why)
	case <-time.After(50 * time.Millisecond):
		if err == nil {
			err = errEnded
		}
		return fmt.Errorf("%w: %s", err, tail.last())
	}
}

func (c *Child) command(out io.Writer, say *os.File) *exec.Cmd {
	cmd := &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        c.Args,
		Env:         append(os.Environ(), c.Env...),
		Stdout:      out,
		Stderr:      out,
		ExtraFiles:  append([]*os.File{say, c.Hold}, c.More...),
		WaitDelay:   time.Second, // a shim may hold the pipe of the log for ever
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true},
	}
	return cmd
}

// Inherit keeps what the supervisor handed down from going on to the child's
// own children. A child calls it first.
func Inherit() {
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
}

// await marks the child ready once it says so, or its Check succeeds.
func (c *Child) await(ctx context.Context, said *os.File, reason chan<- string) {
	if c.Ready3 {
		line, _ := bufio.NewReader(said).ReadString('\n')
		if line = strings.TrimSpace(line); line != "ready" {
			if line != "" {
				reason <- line
			}
			return
		}
	} else if c.Check(ctx) != nil {
		return
	}
	c.change(func(p *status.Part) { p.State, p.Error = status.Ready, "" })
	c.once.Do(func() { close(c.ready) })
}

// end asks the process to stop and kills it when it does not.
func (c *Child) end(cmd *exec.Cmd, ended <-chan error) error {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	grace := c.Grace
	if grace == 0 {
		grace = 10 * time.Second
	}
	select {
	case <-ended:
	case <-time.After(grace):
		_ = cmd.Process.Kill()
		<-ended
	}
	return nil
}

func (c *Child) change(set func(*status.Part)) {
	if c.Changed != nil {
		c.Changed(c.Title, func(p *status.Part) { set(p); p.Since = time.Now() })
	}
}

// errEnded is the end of a process that was content.
var errEnded = errors.New("ended by itself")
