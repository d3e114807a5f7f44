package pause

import (
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Run blocks until SIGTERM or SIGINT and reaps every child that ends before.
// It is process 1 of a pod whose containers share one process namespace.
func Run() {
	debug.SetGCPercent(-1) // nothing is allocated from here on
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	defer signal.Stop(signals)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

// reap collects every child that has ended. One SIGCHLD may stand for many.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 {
			return
		}
	}
}
