package kubetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"nagi.dev/internal/layout"
	"nagi.dev/internal/status"
)

const (
	startLimit = 2 * time.Minute // a machine that is busy compiling is slow
	stopLimit  = 15 * time.Second
)

// A server is one running API server and its folder.
type server struct {
	dir    string
	cmd    *exec.Cmd
	gone   chan struct{} // closed when the process has ended
	config *rest.Config
}

// launch starts a server and waits until it serves.
func launch() (*server, error) {
	bin, err := binary()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "nagi-kubetest-")
	if err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	s := &server{dir: dir, gone: make(chan struct{})}
	if err := s.start(bin); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.ready(); err != nil {
		err = fmt.Errorf("start API server: %w\n%s", err, s.output())
		s.stop()
		return nil, err
	}
	return s, nil
}

// binary finds nagi: $NAGI_BINARY, or bin/nagi beside go.work.
func binary() (string, error) {
	if bin := os.Getenv("NAGI_BINARY"); bin != "" {
		return filepath.Abs(bin)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find go.work: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find go.work: this test runs outside the repository; set NAGI_BINARY")
		}
	}
	bin := filepath.Join(dir, "bin", "nagi")
	if _, err := os.Stat(bin); err != nil {
		return "", fmt.Errorf("%s is missing; run make build first", bin)
	}
	return bin, nil
}

// start runs the server in a process group of its own, that ends with ours.
// The kernel ties the end to the thread that started it, so that thread waits.
func (s *server) start(bin string) error {
	log, err := os.Create(s.logFile())
	if err != nil {
		return fmt.Errorf("make log of API server: %w", err)
	}
	s.cmd = exec.Command(bin, "server", "--control-only", "--api-port", "0", "--data-dir", s.dir)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer log.Close()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // how it ended stands in its log
			close(s.gone)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", bin, err)
	}
	return nil
}

// ready waits until the status file says so, and reads the kubeconfig.
func (s *server) ready() error {
	dirs := layout.For(s.dir)
	limit := time.After(startLimit)
	for {
		st, err := status.Read(dirs.Status())
		switch {
		case err == nil && st.Error != "":
			return errors.New(st.Error)
		case err == nil && st.Ready:
			return s.connect(dirs.Kubeconfig)
		case err != nil && !errors.Is(err, status.ErrNotRunning):
			return err
		}
		select {
		case <-s.gone:
			return errors.New("it ended at once")
		case <-limit:
			return fmt.Errorf("not ready after %s", startLimit)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *server) connect(kubeconfig string) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	cfg.QPS = -1
	s.config = cfg
	return nil
}

// stop ends the server, with force when it does not obey, and removes its
// folder.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.gone:
	case <-time.After(stopLimit):
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // whoever is left of the group
	<-s.gone
	_ = os.RemoveAll(s.dir)
}

func (s *server) logFile() string { return filepath.Join(s.dir, "kubetest.log") }

// output returns the end of what the server wrote.
func (s *server) output() string {
	const most = 8 << 10
	b, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}
