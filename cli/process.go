package cli

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	"nagi.dev/internal/layout"
	"nagi.dev/internal/status"
)

// runningServer returns the status of the live server of d. A process that
// merely got the number of a former server does not count.
func runningServer(d layout.Dirs) (status.Status, bool) {
	s, err := status.Read(d.Status())
	return s, err == nil && isServer(s.PID)
}

// isServer tells whether pid is alive and runs "… server …".
func isServer(pid int) bool {
	if pid <= 0 {
		return false
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(b) == 0 { // gone, or a zombie
		return false
	}
	return slices.ContainsFunc(bytes.Split(b, []byte{0}), func(arg []byte) bool { return string(arg) == "server" })
}

// waitGone returns whether the server pid has ended within limit.
func waitGone(done <-chan struct{}, pid int, limit time.Duration) bool {
	end := time.NewTimer(limit)
	defer end.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for isServer(pid) {
		select {
		case <-look.C:
		case <-end.C:
			return false
		case <-done:
			return false
		}
	}
	return true
}

func terminate(pid int) error {
	err := unix.Kill(pid, unix.SIGTERM)
	if err == unix.ESRCH {
		return nil
	}
	if err != nil {
		return fmt.Errorf("tell the server (pid %d) to stop: %w", pid, err)
	}
	return nil
}
