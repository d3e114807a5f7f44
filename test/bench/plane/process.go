package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A process is a program under measurement.
type process struct{ *exec.Cmd }

// start runs a program until it listens at address.
func start(ctx context.Context, address, program string, args ...string) (*process, error) {
	c := exec.CommandContext(ctx, program, args...)
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	p := &process{c}
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		n, err := net.Dial("tcp", address)
		if err == nil {
			_ = n.Close()
			return p, nil
		}
		if time.Since(begun) > 10*time.Second {
			p.stop()
			return nil, fmt.Errorf("start %s: nobody listens at %s after 10s", program, address)
		}
	}
}

func (p *process) stop() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

// spent is the processor time of all threads, in seconds.
func (p *process) spent() (s float64) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.Process.Pid))
	for _, f := range files {
		b, _ := os.ReadFile(f)
		ns, _, _ := strings.Cut(string(b), " ")
		v, _ := strconv.ParseFloat(ns, 64)
		s += v / 1e9
	}
	return s
}

// rss is the resident memory in MB.
func (p *process) rss() float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(v)[0], 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}

// free is an address of this machine where nobody listens.
func free() (string, error) {
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer n.Close()
	return n.Addr().String(), nil
}
