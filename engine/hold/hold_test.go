package hold

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nagi.dev/internal/layout"
)

func folder(t *testing.T) layout.Dirs {
	t.Helper()
	d := layout.For(filepath.Join(t.TempDir(), "data"))
	if err := os.MkdirAll(d.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestASecondServerIsRefusedAtOnce(t *testing.T) {
	d := folder(t)
	f, err := Take(d)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := fmt.Sprintf("another server (pid %d) runs on %s", os.Getpid(), d.Data)
	if _, err := Take(d); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Take = %v, want %s", err, want)
	}
	if pid, held := Holder(d); pid != os.Getpid() || !held {
		t.Errorf("Holder = %d %v", pid, held)
	}
}

func TestAFolderThatNobodyHolds(t *testing.T) {
	d := folder(t)
	if _, held := Holder(d); held {
		t.Error("an empty folder is held")
	}
	f, err := Take(d)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, held := Holder(d); held {
		t.Error("a folder is held after its server ended")
	}
}

// A child that has the lock and whose server is gone: Take waits for its end.
func TestTheChildrenOfAKilledServerAreWaitedFor(t *testing.T) {
	d := folder(t)
	f, err := Take(d)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("cat")
	child.ExtraFiles = []*os.File{f}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	gone := exec.Command("true") // a number that was a process
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Lock(), []byte(fmt.Sprintln(gone.Process.Pid)), 0o600); err != nil {
		t.Fatal(err)
	}
	taken := make(chan error, 1)
	go func() {
		f, err := Take(d)
		if err == nil {
			f.Close()
		}
		taken <- err
	}()
	select {
	case err := <-taken:
		t.Fatalf("Take = %v while a child still ran", err)
	default:
	}
	in.Close()
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Errorf("Take = %v after the child ended", err)
	}
}
