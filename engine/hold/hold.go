// Package hold keeps a data folder to one server. The hold passes to the
// server's children, so that it ends with the last of them: a server that was
// killed may leave an API server behind that the kernel takes a moment to take
// down. It never ends a process. Start with Take.
package hold

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nagi.dev/internal/layout"
)

// patience is how long the children of a killed server may take to go. The
// largest took 0.4 s on two busy cores; a process in the middle of a write to
// a slow disk takes longer.
const patience = 20 * time.Second

// Take makes the caller the only server of d until the file is closed, by it
// and by every child that inherited it.
func Take(d layout.Dirs) (*os.File, error) {
	f, err := os.OpenFile(d.Lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := exclusive(f); err != nil {
		defer f.Close() //nolint:errcheck // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, taken(d)
		}
		return nil, fmt.Errorf("lock %s: %w", d.Lock(), err)
	}
	if err := f.Truncate(0); err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	return f, nil
}

func taken(d layout.Dirs) error {
	pid := writer(d.Lock())
	if alive(pid) {
		return fmt.Errorf("another server (pid %d) runs on %s; stop it with nagi down", pid, d.Data)
	}
	return fmt.Errorf("processes of a server that was killed (pid %d) still end on %s; try again in a moment", pid, d.Data)
}

// exclusive locks f, and waits only for those whose server has gone.
func exclusive(f *os.File) error {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || alive(writer(f.Name())) || time.Now().After(end) {
			return err
		}
	}
}

// Holder tells whether a server holds d, and which; pid is 0 where that is not
// known. Where only children of a killed server do, it waits for them.
func Holder(d layout.Dirs) (pid int, held bool) {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if !locked(d.Lock()) {
			return 0, false
		}
		if pid = writer(d.Lock()); alive(pid) || time.Now().After(end) {
			return pid, true
		}
	}
}

// locked asks by taking a shared lock for a moment: two that ask do not
// disturb each other.
func locked(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // ends the lock
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// writer is the pid in the lock file; 0 when there is none yet.
func writer(file string) int {
	b, _ := os.ReadFile(file)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// alive tells whether pid is a process that has not ended. One that has ended
// and was not yet waited for holds nothing.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}
