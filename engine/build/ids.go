package build

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The users of build steps are ids of the machine that nobody has: root of a
// step is firstID, its user 1000 is firstID+1000. The range lies beyond what
// kubelets give to pods (65536 ids each, from 65536), and is one of those that
// systemd's table of ids leaves unused. It is so large that nearly every id
// that an image names fits in.
const (
	firstID = 0x70000000
	idCount = 0x0ffe0000
)

// idMap is the range in containerd's words: first of the step, first of the
// machine, how many.
func idMap() string { return fmt.Sprintf("0:%d:%d", firstID, idCount) }

// unprivileged puts a step into a user namespace: the one at path, or into a
// new one.
func unprivileged(s *specs.Spec, path string) {
	ids := []specs.LinuxIDMapping{{HostID: firstID, Size: idCount}}
	s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace, Path: path})
}

// borrowSys gives a step the machine's /sys to read: the kernel makes a new
// one only for who owns the network that it shows.
func borrowSys(s *specs.Spec) {
	for i, m := range s.Mounts {
		if m.Destination == "/sys" {
			s.Mounts[i].Type, s.Mounts[i].Source = "bind", "/sys"
			s.Mounts[i].Options = []string{"rbind", "nosuid", "noexec", "nodev", "rro"}
		}
	}
}
