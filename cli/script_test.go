package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"nagi.dev/internal/layout"
	"nagi.dev/internal/status"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nagi": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := Main(ctx, os.Args[1:], fakeEngine{}, os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}})
}

// TestScripts runs every command that needs no cluster, with an engine that
// only pretends: the boundary of this room.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("NAGI_CONFIG", filepath.Join(e.WorkDir, "no-settings.yaml"))
			e.Setenv("NAGI_DATA_DIR", filepath.Join(e.WorkDir, "state"))
			e.Defer(func() { stopFake(filepath.Join(e.WorkDir, "state")) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Condition: func(cond string) (bool, error) {
			if cond != "root" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return os.Geteuid() == 0, nil
		},
	})
}

// exits runs a command that must end with a code: exits 2 nagi nonsense.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	e, ok := errors.AsType[*exec.ExitError](err)
	if !ok || fmt.Sprint(e.ExitCode()) != args[0] {
		ts.Fatalf("%s: want exit code %s", strings.Join(args[1:], " "), args[0])
	}
}

// stopFake ends a server that a failed script left.
func stopFake(dataDir string) {
	if s, running := runningServer(layout.For(dataDir)); running {
		_ = syscall.Kill(s.PID, syscall.SIGKILL)
	}
}

// A fakeEngine is a server without Kubernetes. Variables say how it behaves.
type fakeEngine struct{}

func (fakeEngine) Serve(ctx context.Context, c ServerConfig) error {
	d := layout.For(c.DataDir)
	s := status.Status{
		PID: os.Getpid(), Version: "1.2.3", Started: time.Now(), API: "https://127.0.0.1:6443",
		Addresses: append([]string{"127.0.0.1"}, c.Listen...),
		Parts:     []status.Part{{Name: "control", State: status.Starting, PID: 42}},
	}
	fmt.Println("serving", c.DataDir, c.APIPort, c.Listen, c.LogLevel, c.CertLifetime)
	switch os.Getenv("FAKE_SERVER") {
	case "dies":
		return errors.New("the store is damaged")
	case "gives-up":
		s.Error = "start control: port 6443 is taken"
		return errors.Join(status.Write(d.Status(), s), errors.New(s.Error))
	case "hangs":
		err := status.Write(d.Status(), s)
		<-ctx.Done()
		return err
	}
	s.Ready, s.ReadyAt, s.Parts[0].State = true, time.Now(), status.Ready
	if err := status.Write(d.Status(), s); err != nil {
		return err
	}
	if os.Getenv("FAKE_SERVER") == "stubborn" {
		select {}
	}
	<-ctx.Done()
	return os.Remove(d.Status())
}

func (fakeEngine) Check(ServerConfig) []Finding {
	var found []Finding
	_ = json.Unmarshal([]byte(os.Getenv("FAKE_FINDINGS")), &found)
	return found
}

func (fakeEngine) StopPods(_ context.Context, dataDir string) error {
	return os.WriteFile(filepath.Join(dataDir, "pods-stopped"), nil, 0o600)
}

func (fakeEngine) Wipe(_ context.Context, dataDir string, progress func(string)) error {
	progress("remove files")
	return os.RemoveAll(dataDir)
}

func (fakeEngine) PushImage(context.Context, SystemImage) error         { return nil }
func (fakeEngine) Platform(ctx context.Context, _ PlatformConfig) error { return ctx.Err() }

func (fakeEngine) SaveImages(w io.Writer, images []SystemImage) error {
	name := images[0].Name
	_, err := io.WriteString(w, "the archive of "+name)
	return err
}

func (fakeEngine) Images(dataDir string) (ImageStore, error) {
	return fakeStore(filepath.Join(dataDir, "images")), nil
}

// Build prints what it is asked for; the image of a folder "broken" fails.
func (fakeEngine) Build(_ context.Context, _ string, b Build, progress io.Writer) (Built, error) {
	fmt.Fprintln(progress, "asked:", filepath.Base(b.Context), filepath.Base(b.Dockerfile), b.Target, b.Tags, b.Args, b.Labels,
		slices.Sorted(maps.Keys(b.Secrets)), b.Network, b.NoCache, b.Pull, b.Progress)
	if filepath.Base(b.Context) == "broken" {
		return Built{}, errors.New("Dockerfile:2: the step failed")
	}
	return Built{Digest: "sha256:feed", Names: []string{b.Tags[0] + "@sha256:feed", b.Tags[0] + ":latest"}}, nil
}

func (fakeEngine) Kubectl(args []string, in io.Reader, out, _ io.Writer) int {
	fmt.Fprintln(out, strings.Join(args, " "))
	if slices.Contains(args, "fail") {
		return 3
	}
	_, _ = io.Copy(out, in)
	return 0
}

// A fakeStore is a file with one name a line. Its archives are such files.
type fakeStore string

func (s fakeStore) names(r io.Reader) (names []string) {
	for scan := bufio.NewScanner(r); scan.Scan(); {
		names = append(names, scan.Text())
	}
	return names
}

func (s fakeStore) List(context.Context) ([]Image, error) {
	b, _ := os.ReadFile(string(s))
	var images []Image
	for _, n := range s.names(strings.NewReader(string(b))) {
		images = append(images, Image{Name: n, Digest: "sha256:0123456789abcdef", Size: 12_345_678})
	}
	return images, nil
}

func (s fakeStore) Import(_ context.Context, r io.Reader) ([]string, error) {
	names := s.names(r)
	if len(names) == 0 {
		return nil, errors.New("not an archive of images")
	}
	return names, os.WriteFile(string(s), []byte(strings.Join(names, "\n")+"\n"), 0o600)
}

func (s fakeStore) Remove(_ context.Context, name string) error {
	b, _ := os.ReadFile(string(s))
	names := s.names(strings.NewReader(string(b)))
	i := slices.Index(names, name)
	if i < 0 {
		return errors.New("there is no such image")
	}
	names = slices.Delete(names, i, i+1)
	return os.WriteFile(string(s), []byte(strings.Join(names, "\n")+"\n"), 0o600)
}

func (fakeStore) Close() error { return nil }
