package pause

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
)

func TestRunEndsOnASignal(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			seen := make(chan os.Signal, 1) // also keeps the test alive before Run listens
			signal.Notify(seen, s)
			defer signal.Stop(seen)
			done := make(chan struct{})
			go func() {
				Run()
				close(done)
			}()
			for {
				if err := syscall.Kill(os.Getpid(), s); err != nil {
					t.Fatal(err)
				}
				<-seen
				select {
				case <-done:
					return
				default: // Run did not listen yet, or has not woken up
				}
			}
		})
	}
}

func TestReapCollectsEveryChildThatEnded(t *testing.T) {
	var pids []int
	for range 3 {
		pid, err := syscall.ForkExec("/bin/true", []string{"true"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		awaitEnd(t, pid)
		pids = append(pids, pid)
	}
	reap()
	for _, pid := range pids {
		if _, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
			t.Errorf("child %d was not reaped: %v", pid, err)
		}
	}
}

// awaitEnd returns once the child has ended and leaves it unreaped.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	const pPID, wNoWait = 1, 0x01000000 // waitid(2)
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), 0, syscall.WEXITED|wNoWait, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
}
