package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// orderEnv carries the order to the process that becomes PID 1.
const orderEnv = "NAGI_LAB_INIT"

// An order is what PID 1 of a machine is told at birth.
type order struct {
	Name   string
	Dir    string
	Disk   int64
	Mounts bool // false: only a network, for the switch
}

// initialised says that this program can be a machine's PID 1.
var initialised bool

// Main runs the tests of a package that uses a lab: TestMain calls it and
// nothing else. It also is how the test program becomes PID 1 of a machine.
func Main(m *testing.M) int {
	Init()
	return m.Run()
}

// Init returns at once, except in a process that a lab started to be PID 1 of
// a machine: there it never returns. Programs call it first thing in main.
func Init() {
	text := os.Getenv(orderEnv)
	if text == "" {
		initialised = true
		return
	}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = o.settle()
	}
	answer := "ok\n"
	if err != nil {
		answer = err.Error() + "\n"
	}
	_, _ = os.Stdout.WriteString(answer) // a parent that is gone is noticed next
	_ = os.Stdout.Close()
	if err == nil {
		reap()
	}
	os.Exit(0) // everything in the machine ends with it
}

// settle makes the machine out of the namespaces that PID 1 is born into.
func (o order) settle() error {
	if err := unix.Sethostname([]byte(o.Name)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	if !o.Mounts {
		return nil
	}
	return o.mount()
}

// reap buries the orphans of the machine until the parent's end of standard
// input is gone: a machine never outlives the program that made it.
func reap() {
	dead := make(chan os.Signal, 1)
	signal.Notify(dead, unix.SIGCHLD)
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	alone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(alone)
	}()
	for {
		for pid := 1; pid > 0; {
			pid, _ = unix.Wait4(-1, nil, unix.WNOHANG, nil)
		}
		select {
		case <-dead:
		case <-alone:
			return
		}
	}
}

// A process is a PID 1 as its parent sees it.
type process struct {
	cmd   *exec.Cmd
	life  io.Closer
	pidfd int
	gone  chan struct{} // closed when PID 1 and all that was below it are gone
}

const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// startInit runs this very program as PID 1 of new namespaces and returns when
// it has settled.
func startInit(o order) (*process, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode order: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	pidfd := -1
	cmd := exec.Command(self)
	cmd.Args = []string{"nagi-lab-init"}
	cmd.Env = []string{orderEnv + "=" + string(text), "GOMAXPROCS=1", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, PidFD: &pidfd, Setsid: true}
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start PID 1: %w", err)
	}
	p := &process{cmd: cmd, life: life, pidfd: pidfd, gone: make(chan struct{})}
	answer, _ := io.ReadAll(out) // an early end is an answer too
	go func() {
		_ = cmd.Wait() // it is always killed
		close(p.gone)
	}()
	if s := strings.TrimSpace(string(answer)); s != "ok" {
		p.kill()
		return nil, errors.New("PID 1: " + s)
	}
	return p, nil
}

// kill ends the process and all that is below it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.life.Close()
	_ = unix.Close(p.pidfd)
	<-p.gone
}
