package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"nagi.dev/bus"
	"nagi.dev/bus/wire"
)

const million = 1_000_000

// restart fills a queue with a million items, kills the server -9 and takes
// the time until the next one counts them; and what each weighs.
func (b bench) restart(ctx context.Context) (rows []row, err error) {
	dir, err := os.MkdirTemp(b.dir, "nagi-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p, err := launch(ctx, dir, addr, nil, self, "serve", addr, dir+"/log")
	if err != nil {
		return nil, err
	}
	err = fill(ctx, addr)
	full := resident(p)
	p.end(syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if p, err = launch(ctx, dir, addr, nil, self, "serve", addr, dir+"/log"); err != nil {
		return nil, err
	}
	defer p.stop()
	again := wire.NewClient(addr)
	defer again.Close()
	counts, err := again.Count(ctx, "q")
	took := time.Since(begun)
	if err == nil && counts.Ready != million {
		err = fmt.Errorf("a million items became %d", counts.Ready)
	}
	fmt.Printf("%-12s %-28s %9.3f s, %0.f MB, before %.0f MB\n", "nagi", "start with a million items", took.Seconds(), resident(p), full)
	return []row{
		{Name: prefix + "nagi: start after kill -9 with a million items", Value: took.Seconds(), Unit: "s"},
		{Name: prefix + "nagi: resident memory after a million puts", Value: full, Unit: "MB"},
	}, err
}

// fill appends a million items, a thousand at a time.
func fill(ctx context.Context, addr string) (err error) {
	c := wire.NewClient(addr)
	defer c.Close()
	entries := make([]bus.Entry, 1000)
	for i := range entries {
		entries[i].Body = body
	}
	for i := 0; i < million && err == nil; i += len(entries) {
		_, err = c.Append(ctx, "q", entries)
	}
	return err
}

// resident is the memory of a process in MB.
func resident(p process) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(b)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kb); err == nil {
			return kb * 1024 / 1e6
		}
	}
	return 0
}
