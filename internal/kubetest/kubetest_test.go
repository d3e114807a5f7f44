package kubetest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"k8s.io/client-go/kubernetes"
)

func TestStartServesUntilTheLastTestIsDone(t *testing.T) {
	var first *server
	t.Run("two tests share one server", func(t *testing.T) {
		cfg := Start(t)
		first = shared.server
		c, err := kubernetes.NewForConfig(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Discovery().ServerVersion(); err != nil {
			t.Error(err)
		}
		if Start(t); shared.server != first {
			t.Error("a second server was started")
		}
	})
	if first == nil {
		return // it did not start, as is told above
	}
	if err := syscall.Kill(first.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the server still runs: %v", err)
	}
	if _, err := os.Stat(first.dir); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
}

func TestLaunchTellsWhyTheServerDidNotStart(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "nagi")
	if err := os.WriteFile(bin, []byte("#!/bin/sh\necho the disk is full; exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NAGI_BINARY", bin)
	_, err := launch()
	if err == nil || !strings.Contains(err.Error(), "ended at once") || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("err = %v", err)
	}
}

func TestBinaryIsBesideGoWork(t *testing.T) {
	root := t.TempDir()
	room := filepath.Join(root, "a", "b")
	if err := errors.Join(os.MkdirAll(room, 0o755), os.WriteFile(filepath.Join(root, "go.work"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NAGI_BINARY", "")
	t.Chdir(room)
	if _, err := binary(); err == nil || !strings.Contains(err.Error(), "run make build first") {
		t.Errorf("err = %v, want the remedy", err)
	}
	bin := filepath.Join(root, "bin", "nagi")
	if err := errors.Join(os.Mkdir(filepath.Dir(bin), 0o755), os.WriteFile(bin, nil, 0o755)); err != nil {
		t.Fatal(err)
	}
	if got, err := binary(); err != nil || got != bin {
		t.Errorf("binary = %q, %v; want %q", got, err, bin)
	}
}
