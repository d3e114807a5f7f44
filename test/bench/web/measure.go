package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type bench struct {
	plane, only           string
	rounds, seconds, idle int
}

// A sample is what one run of wrk says.
type sample struct {
	rate, cpu, p50, p99 float64 // 1/s; s for 100,000; ms
	failed              int
}

type results struct {
	samples map[string][]sample // by peer and size
	direct  map[string][]sample
	idle    map[string]float64 // MB
	loaded  map[string]float64
	perConn map[string]float64 // KiB
}

func (b bench) run(ctx context.Context) ([]row, error) {
	dir, err := os.MkdirTemp("", "bench-web")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	_ = os.Chmod(dir, 0o755)
	if b.plane, err = filepath.Abs(b.plane); err != nil {
		return nil, err
	}
	if err := lay(dir); err != nil {
		return nil, err
	}
	origin, err := start(ctx, nginx(dir, "origin.conf"), nil, originA)
	if err != nil {
		return nil, err
	}
	defer stop(origin)
	res := results{map[string][]sample{}, map[string][]sample{}, map[string]float64{}, map[string]float64{}, map[string]float64{}}
	for round := range b.rounds {
		for size := range sizes {
			s, err := b.wrk(ctx, originA, size, 0)
			if err != nil {
				return nil, err
			}
			res.direct[size] = append(res.direct[size], s)
		}
		for _, p := range b.peers() {
			if b.only != "" && !slices.Contains(strings.Split(b.only, ","), p.name) {
				continue
			}
			if err := b.measure(ctx, dir, p, &res, round == b.rounds-1); err != nil {
				return res.rows(), fmt.Errorf("measure %s: %w", p.name, err)
			}
		}
	}
	return res.rows(), nil
}

func (b bench) measure(ctx context.Context, dir string, p peer, res *results, last bool) error {
	c, err := start(ctx, p.args(dir), p.env, p.port)
	if err != nil {
		return err
	}
	defer stop(c)
	res.idle[p.name] = rss(c.Process.Pid)
	if last && b.idle > 0 {
		res.perConn[p.name], err = weigh(c.Process.Pid, p.port, b.idle)
		if err != nil {
			return err
		}
	}
	for _, size := range []string{"0", "1k", "100k"} {
		s, err := b.wrk(ctx, p.port, size, c.Process.Pid)
		if err != nil {
			return err
		}
		fmt.Printf("%-13s %-5s %8.0f req/s  %.3f s  p50 %.2f  p99 %.2f ms  failed %d\n", p.name, size, s.rate, s.cpu, s.p50, s.p99, s.failed)
		res.samples[p.name+" "+size] = append(res.samples[p.name+" "+size], s)
	}
	res.loaded[p.name] = rss(c.Process.Pid)
	return nil
}

// weigh opens n connections that ask for nothing and returns what each costs.
func weigh(pid, port, n int) (float64, error) {
	before := rss(pid)
	var all []net.Conn
	defer func() {
		for _, c := range all {
			_ = c.Close()
		}
	}()
	for range n {
		c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			return 0, err
		}
		all = append(all, c)
	}
	time.Sleep(500 * time.Millisecond)
	return (rss(pid) - before) * 1024 / float64(n), nil
}

// start runs a command until its port answers.
func start(ctx context.Context, args, env []string, port int) (*exec.Cmd, error) {
	address := fmt.Sprint("127.0.0.1:", port)
	if c, err := net.Dial("tcp", address); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("start %s: somebody listens at %s", args[0], address)
	}
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env = append(os.Environ(), env...)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			time.Sleep(300 * time.Millisecond)
			return c, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop(c)
	return nil, fmt.Errorf("start %s: nothing listens at %s", args[0], address)
}

func stop(c *exec.Cmd) {
	_ = c.Process.Kill()
	_ = c.Wait()
}

var (
	requests = regexp.MustCompile(`(\d+) requests in`)
	perSec   = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	half     = regexp.MustCompile(`(?m)^ +50% +([\d.]+)(us|ms|s)`)
	tail     = regexp.MustCompile(`(?m)^ +99% +([\d.]+)(us|ms|s)`)
	broken   = regexp.MustCompile(`(?:Non-2xx or 3xx responses: (\d+)|Socket errors: (.*))`)
)

// wrk loads a port with 64 connections and says what the process pid took.
func (b bench) wrk(ctx context.Context, port int, path string, pid int) (s sample, err error) {
	before := cpu(pid)
	out, err := exec.CommandContext(ctx, "wrk", "-t1", "-c64", fmt.Sprintf("-d%ds", b.seconds), "--latency",
		fmt.Sprintf("http://127.0.0.1:%d/%s", port, path)).CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("run wrk: %w: %s", err, out)
	}
	took := cpu(pid) - before
	n, err := strconv.ParseFloat(find(requests, out), 64)
	if err != nil || n == 0 {
		return s, fmt.Errorf("read wrk: %s", out)
	}
	s.rate, _ = strconv.ParseFloat(find(perSec, out), 64)
	s.cpu = took.Seconds() * 1e5 / n
	s.p50, s.p99 = millis(half, out), millis(tail, out)
	if m := broken.FindSubmatch(out); m != nil {
		s.failed = 1
		fmt.Printf("wrk: %s\n", m[0])
	}
	return s, nil
}

func find(r *regexp.Regexp, out []byte) string {
	if m := r.FindSubmatch(out); m != nil {
		return string(m[1])
	}
	return ""
}

func millis(r *regexp.Regexp, out []byte) float64 {
	m := r.FindSubmatch(out)
	if m == nil {
		return 0
	}
	v, _ := strconv.ParseFloat(string(m[1]), 64)
	return v * map[string]float64{"us": 1e-3, "ms": 1, "s": 1e3}[string(m[2])]
}

// cpu is the processor time of a process. The kernel counts it in 1/100 s.
func cpu(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// rss is the resident memory of a process in MB.
func rss(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[0] == "VmRSS:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}
