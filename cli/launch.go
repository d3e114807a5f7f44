package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"nagi.dev/internal/layout"
)

// A process is a server that runs or is about to.
type process struct {
	pid   int
	ended <-chan struct{} // closed when it has ended; nil: it is not our child
}

// launch starts `nagi server` in a session of its own, so that neither the
// terminal nor this process takes it down.
func launch(d layout.Dirs, c ServerConfig) (process, error) {
	self, err := os.Executable()
	if err != nil {
		return process{}, fmt.Errorf("find this program: %w", err)
	}
	log, err := openLog(d)
	if err != nil {
		return process{}, err
	}
	defer log.Close() //nolint:errcheck // the child has its own
	cmd := exec.Command(self, serverArgs(c)...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return process{}, fmt.Errorf("start the server: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() //nolint:errcheck // its status file and log say why
	}()
	return process{pid: cmd.Process.Pid, ended: ended}, nil
}

// serverArgs writes c as the arguments of nagi. Every setting is named, so
// that neither environment nor file can change it on the way.
func serverArgs(c ServerConfig) []string {
	args := []string{
		"--data-dir", layout.For(c.DataDir).Data, "server",
		"--api-port", strconv.Itoa(c.APIPort),
		"--log-level", c.LogLevel,
		"--cert-lifetime", c.CertLifetime.String(),
		"--control-only=" + strconv.FormatBool(c.ControlOnly),
		"--bare=" + strconv.FormatBool(c.Bare),
		"--build-idle", c.BuildIdle.String(),
		"--build-as-root=" + strconv.FormatBool(c.BuildAsRoot),
	}
	if c.NodeName != "" {
		args = append(args, "--node-name", c.NodeName)
	}
	for _, l := range c.Listen {
		args = append(args, "--listen", l)
	}
	return args
}

func serverLog(d layout.Dirs) string { return filepath.Join(d.Log(), "server.log") }

// maxLog is the size in bytes beyond which the log of former servers is put
// aside when a new one starts.
const maxLog = 10 << 20

func openLog(d layout.Dirs) (*os.File, error) {
	if err := os.MkdirAll(d.Log(), 0o755); err != nil {
		return nil, fmt.Errorf("make log folder: %w", err)
	}
	name := serverLog(d)
	if info, err := os.Stat(name); err == nil && info.Size() > maxLog {
		if err := os.Rename(name, name+".1"); err != nil {
			return nil, fmt.Errorf("put the old log aside: %w", err)
		}
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// lastLines returns up to n lines of the end of file, newest last.
func lastLines(file string, n int) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	const window = 16 << 10
	if info, err := f.Stat(); err == nil && info.Size() > window {
		f.Seek(-window, 2) //nolint:errcheck // the whole file is as good
	}
	return tailOf(f, n)
}
