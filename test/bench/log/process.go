package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A process runs in a group of its own.
type process struct{ cmd *exec.Cmd }

// stop ends it, by its process id, and waits.
func (p process) stop() { p.end(syscall.SIGTERM) }

func (p process) end(s syscall.Signal) {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, s)
	late := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
	defer late.Stop()
	_ = p.cmd.Wait() // how it ends does not matter
}

// run starts a program in a folder and returns when its port answers.
func run(ctx context.Context, dir, addr string, env []string, name string, args ...string) (stop func(), err error) {
	p, err := launch(ctx, dir, addr, env, name, args...)
	return p.stop, err
}

func launch(ctx context.Context, dir, addr string, env []string, name string, args ...string) (p process, err error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return p, fmt.Errorf("%s: %w", name, errAbsent)
	}
	log, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return p, err
	}
	defer log.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return p, err
	}
	p.cmd = cmd
	for end := time.Now().Add(30 * time.Second); ; {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return p, c.Close()
		}
		if time.Now().After(end) || ctx.Err() != nil {
			p.stop()
			text, _ := os.ReadFile(filepath.Join(dir, "output"))
			return p, fmt.Errorf("%s does not answer at %s: %w\n%s", name, addr, err, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// freeAddr is an address on loopback that nobody listened on just now.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
