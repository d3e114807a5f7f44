package status

import "golang.org/x/sys/unix"

// alive tells whether pid is a process. EPERM means that it is, and is
// somebody else's.
func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := unix.Kill(pid, 0)
	return err == nil || err == unix.EPERM
}
