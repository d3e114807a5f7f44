package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"nagi.dev/bus"
	"nagi.dev/bus/wire"
)

// A trial is one run.
type trial struct {
	span               time.Duration
	seed               uint64
	dir                string
	producers, workers int

	addr  string
	told  told
	kills int
	up    time.Duration // the longest from a start to an answer
}

const name = "checked"

func (t *trial) run(ctx context.Context, out io.Writer) error {
	if t.dir == "" {
		dir, err := os.MkdirTemp("", "buscheck-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		t.dir = dir
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	t.addr = ln.Addr().String()
	_ = ln.Close() // the server takes the address
	t.told = newTold()
	server, err := t.start(ctx)
	if err != nil {
		return err
	}
	c := wire.NewClient(t.addr)
	defer c.Close()
	config := bus.Config{KeepResults: 1 << 30, MaxAttempts: 1 << 30, Lease: 2 * time.Second, Backoff: bus.Backoff{First: time.Millisecond, Most: 10 * time.Millisecond}, IDWindow: 1 << 20}
	if err := c.Configure(ctx, name, config); err != nil {
		return errors.Join(err, kill(server))
	}
	server, err = t.torment(ctx, server)
	if err != nil {
		return err
	}
	err = t.told.verify(ctx, c, out)
	fmt.Fprintf(out, "%d times killed, longest start %s\n", t.kills, t.up.Round(time.Millisecond))
	return errors.Join(err, kill(server))
}

// torment kills the server while clients go on, then lets them finish.
func (t *trial) torment(ctx context.Context, server *exec.Cmd) (*exec.Cmd, error) {
	producing, stopProducing := context.WithCancel(ctx)
	working, stopWorking := context.WithCancel(ctx)
	defer stopWorking()
	defer stopProducing()
	var producers, workers sync.WaitGroup
	for i := range t.producers {
		producers.Go(func() { t.produce(producing, i) })
	}
	for i := range t.workers {
		workers.Go(func() { t.work(working, i) })
	}
	chance := rand.New(rand.NewPCG(t.seed, 0))
	for end := time.Now().Add(t.span); time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(time.Duration(50+chance.IntN(1500)) * time.Millisecond)
		if err := kill(server); err != nil {
			return nil, err
		}
		t.kills++
		var err error
		if server, err = t.start(ctx); err != nil {
			return nil, err
		}
	}
	stopProducing()
	producers.Wait()
	err := t.drain(ctx)
	stopWorking()
	workers.Wait()
	return server, err
}

// drain waits until the workers have finished everything.
func (t *trial) drain(ctx context.Context) error {
	c := wire.NewClient(t.addr)
	defer c.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		n, err := c.Count(ctx, name)
		if err != nil {
			return err
		}
		if n.Waiting()+n.Dead == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("after a minute without kills items are still left: %+v", n)
		}
	}
}

// start starts the server and waits for its first answer.
func (t *trial) start(ctx context.Context) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "serve", t.addr, t.dir)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	begun := time.Now()
	c := wire.NewClient(t.addr)
	defer c.Close()
	for {
		if _, err := c.Queues(ctx); err == nil {
			t.up = max(t.up, time.Since(begun))
			return cmd, nil
		} else if time.Since(begun) > 30*time.Second || ctx.Err() != nil {
			return nil, errors.Join(fmt.Errorf("the server does not answer: %w", err), kill(cmd))
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// kill is kill -9. That it ends so is what was wanted.
func kill(cmd *exec.Cmd) error {
	if err := cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill the server: %w", err)
	}
	err := cmd.Wait()
	if how, ok := errors.AsType[*exec.ExitError](err); !ok || how.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		return fmt.Errorf("the server ended by itself: %v", err)
	}
	return nil
}
