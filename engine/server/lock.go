package server

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"nagi.dev/internal/layout"
)

// lock makes this the only server of the data folder, until the file is
// closed or the process ends.
func lock(d layout.Dirs) (*os.File, error) {
	f, err := os.OpenFile(d.Lock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		b, _ := os.ReadFile(d.Lock())
		f.Close()
		return nil, fmt.Errorf("another server (pid %s) runs on %s; stop it with nagi down", strings.TrimSpace(string(b)), d.Data)
	}
	if err := f.Truncate(0); err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, fmt.Errorf("write lock: %w", err)
	}
	return f, nil
}
