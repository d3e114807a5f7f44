package build

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestApart(t *testing.T) {
	if os.Geteuid() != 0 {
		const lacks = "only root makes namespaces with ids that are not its own"
		if os.Getenv("CI") == "true" {
			t.Fatal(lacks)
		}
		t.Skip(lacks)
	}
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var was int
	err = apart(func(pid int) error {
		was = pid
		ids, err := os.ReadFile(fmt.Sprintf("/proc/%d/uid_map", pid))
		if err != nil {
			return err
		}
		if got := strings.Join(strings.Fields(string(ids)), ":"); got != idMap() {
			t.Errorf("its ids are %s; want %s", got, idMap())
		}
		if net, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)); err != nil || net == own {
			t.Errorf("its network is %s, %v; want one of its own", net, err)
		}
		// This is what ulimits of a build come to.
		return unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 123, Max: 234}, nil)
	})
	if err != nil {
		t.Error(err)
	}
	if err := unix.Kill(was, 0); err != unix.ESRCH {
		t.Errorf("the process %d is left: %v", was, err)
	}
}
