package doctor

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// cgroupsOf looks at the cgroup file systems mounted at mount. Those of
// version 1 are found in mountinfo, wherever they are. Of version 2 it counts
// what the group above root hands down.
func cgroupsOf(mount, mountinfo, root string) Cgroups {
	parent := filepath.Join(mount, filepath.Dir(filepath.Clean("/"+root)))
	if b, err := os.ReadFile(filepath.Join(parent, "cgroup.controllers")); err == nil {
		return Cgroups{Version: 2, Controllers: strings.Fields(string(b)), ReadOnly: readOnly(parent)}
	}
	f, err := os.Open(mountinfo)
	if err != nil {
		return Cgroups{}
	}
	defer f.Close() //nolint:errcheck // only read
	var c Cgroups
	for scan := bufio.NewScanner(f); scan.Scan(); {
		point, names := v1Mount(scan.Text())
		if point == "" {
			continue
		}
		c.Version = 1
		c.Controllers = append(c.Controllers, names...)
		c.ReadOnly = c.ReadOnly || (slices.Contains(names, "memory") && readOnly(point))
	}
	return c
}

// v1Mount reads a line of mountinfo (proc_pid_mountinfo(5)): where a hierarchy
// of version 1 is mounted, and its controllers.
func v1Mount(line string) (point string, controllers []string) {
	before, after, ok := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !ok || len(left) < 5 || len(right) < 3 || right[0] != "cgroup" {
		return "", nil
	}
	return left[4], strings.Split(right[2], ",")
}

func readOnly(dir string) bool { return unix.Access(dir, unix.W_OK) == unix.EROFS }
