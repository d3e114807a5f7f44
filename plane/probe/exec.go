package probe

import (
	"context"
	"os/exec"
	"syscall"
	"time"
)

// checkExec runs the program in a process group of its own, so that a check
// that hangs leaves no child behind.
func checkExec(ctx context.Context, o Options) error {
	c := exec.CommandContext(ctx, o.Command[0], o.Command[1:]...)
	c.Stdout, c.Stderr = o.Stdout, o.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second // for a grandchild that left the group and holds the output
	return c.Run()
}
