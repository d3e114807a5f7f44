// Package calm keeps the memory of this process small once a start is over.
// It never changes what the process does. Start with Hurry and Soon.
package calm

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A start allocates much that lives for a moment: collecting it would cost a
// fifth of the time to ready. Once it has settled, memory is worth more than
// the collector's time. The bound keeps a start from spreading what stays over
// many half-empty pages: for the control plane it saves 35 MB for good and
// costs no time (measured; at 180 MB it begins to).
const (
	startGC    = 400
	startBytes = 220 << 20
	idleGC     = 50
)

// settle is when a process has done what a start needs and nothing else does;
// again is when its first reports and syncs are over too.
const (
	settle = 5 * time.Second
	again  = time.Minute
)

// Hurry lets the collector rest while the process starts.
func Hurry() {
	debug.SetGCPercent(startGC)
	debug.SetMemoryLimit(startBytes)
}

// Soon calls Now when a process that has just become ready has settled.
func Soon() {
	time.AfterFunc(settle, Now)
	time.AfterFunc(again, Now)
}

// Now gives back what only the start needed: garbage, and the pages of the
// program that hold code which ran once. Those come back from the page cache
// when they are called again.
func Now() {
	debug.SetGCPercent(idleGC)
	debug.SetMemoryLimit(math.MaxInt64)
	debug.FreeOSMemory()
	_ = forgetProgram() // it costs memory only
}

// forgetProgram unmaps the pages of this program's file. Only mappings that
// cannot be written are touched: their pages are the file's own.
func forgetProgram() error {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("list mappings: %w", err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		from, to, ok := programPages(s.Text(), exe)
		if !ok {
			continue
		}
		if err := forget(from, to); err != nil {
			return err
		}
	}
	return nil
}

// programPages reads one line of /proc/self/maps: "from-to rwxp offset dev
// inode path". It is ok for a mapping of exe that is private and read-only.
func programPages(line, exe string) (from, to uintptr, ok bool) {
	words := strings.Fields(line)
	if len(words) < 6 || words[5] != exe || (words[1] != "r-xp" && words[1] != "r--p") {
		return 0, 0, false
	}
	n, err := fmt.Sscanf(words[0], "%x-%x", &from, &to)
	return from, to, err == nil && n == 2 && from < to
}

func forget(from, to uintptr) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
	if errno != 0 {
		return fmt.Errorf("unmap pages of this program: %w", errno)
	}
	return nil
}
