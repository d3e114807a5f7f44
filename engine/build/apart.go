package build

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart calls f with a process that has a user namespace with the ids of
// steps, and a network namespace that belongs to it. The process runs nothing:
// it stops before its first instruction, and ends when f returns. Root of the
// machine owns the namespace and so may set the limits of what runs in it,
// even where root lacks CAP_SYS_RESOURCE.
func apart(f func(pid int) error) error {
	runtime.LockOSThread() // the kernel ties the process's life to it
	defer runtime.UnlockOSThread()
	ids := []syscall.SysProcIDMap{{HostID: firstID, Size: idCount}}
	p, err := os.StartProcess("/proc/self/exe", []string{"nagi"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET, UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
		Ptrace: true, Pdeathsig: syscall.SIGKILL,
	}})
	if err != nil {
		return fmt.Errorf("make a user namespace: %w", err)
	}
	defer bury(p)
	return f(p.Pid)
}

// bury ends a process that is traced: its stop may be told before its end.
func bury(p *os.Process) {
	_ = p.Kill()
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(p.Pid, &status, 0, nil)
		if !errors.Is(err, unix.EINTR) && (err != nil || status.Exited() || status.Signaled()) {
			break
		}
	}
	_ = p.Release()
}
