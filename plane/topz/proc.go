package topz

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hertz is USER_HZ, in which the kernel counts processor time: 100 on every
// architecture that Linux and Go share.
const hertz = 100

// A process as /proc has it.
type process struct {
	pid     int
	ticks   uint64 // of processor time, since it began
	rss     int64  // bytes
	command string
}

// processes reads all of proc. One that ends meanwhile is left out.
func processes(proc string) ([]process, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(proc, e.Name(), "stat"))
		if err != nil {
			continue
		}
		p, err := parseStat(stat)
		if err != nil {
			return nil, fmt.Errorf("read process %d: %w", pid, err)
		}
		p.pid = pid
		if line, err := os.ReadFile(filepath.Join(proc, e.Name(), "cmdline")); err == nil && len(line) > 0 {
			p.command = printable(line)
		}
		all = append(all, p)
	}
	return all, nil
}

// parseStat reads /proc/PID/stat. The name may hold spaces and parentheses.
func parseStat(b []byte) (process, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return process{}, errors.New("its stat has no name")
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 22 {
		return process{}, errors.New("its stat is short")
	}
	user, err1 := strconv.ParseUint(f[11], 10, 64) // field 14: utime
	system, err2 := strconv.ParseUint(f[12], 10, 64)
	pages, err3 := strconv.ParseInt(f[21], 10, 64) // field 24: rss
	p := process{ticks: user + system, rss: pages * int64(os.Getpagesize()), command: "[" + printable(b[open+1:end]) + "]"}
	return p, errors.Join(err1, err2, err3)
}

// printable is a command line on one line of text.
func printable(b []byte) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(b), "?"))
	return strings.TrimSpace(text)
}

// totalMemory returns the machine's, in bytes.
func totalMemory(proc string) (int64, error) {
	b, err := os.ReadFile(filepath.Join(proc, "meminfo"))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("read memory: meminfo has no MemTotal")
}
