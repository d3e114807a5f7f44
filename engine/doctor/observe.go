package doctor

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// observe looks at this machine.
func observe(o Options) Facts {
	server := serverOf(o.Dirs) // first: it waits for those that still hold ports
	f := Facts{
		UID:       os.Geteuid(),
		Now:       time.Now(),
		Disk:      diskOf(o.Dirs.Data),
		Listeners: listening(o.Ports),
		Server:    server,
		Data:      dataOf(o.Dirs),
	}
	f.MemoryTotal, f.MemoryAvailable = memoryOf("/proc/meminfo")
	if o.ControlOnly {
		return f
	}
	f.Tools = findTools("nft", "mount", "umount")
	f.Cgroups = cgroupsOf("/sys/fs/cgroup", "/proc/self/mountinfo", o.CgroupRoot)
	const forward = "/proc/sys/net/ipv4/ip_forward"
	f.Forwarding = number(forward) == 1
	f.ForwardingWritable = unix.Access(forward, unix.W_OK) == nil
	f.InotifyInstances = number("/proc/sys/fs/inotify/max_user_instances")
	f.InotifyWatches = number("/proc/sys/fs/inotify/max_user_watches")
	if f.UID == 0 {
		f.Lacking = try(f.Tools["nft"])
	}
	return f
}

// parting is how long a socket may outlive the process it belonged to.
const parting = 3 * time.Second

// listening lists who listens. A socket on a port that is needed, and of no
// process that root can see, is one that the kernel is taking down: it waits.
func listening(needed []Port) []Listener {
	for end := time.Now().Add(parting); ; time.Sleep(20 * time.Millisecond) {
		all := listeners("/proc")
		if os.Geteuid() != 0 || time.Now().After(end) || !slices.ContainsFunc(needed, func(p Port) bool {
			return slices.ContainsFunc(all, func(l Listener) bool { return l.PID == 0 && clash(p, l) })
		}) {
			return all
		}
	}
}

func findTools(names ...string) map[string]bool {
	found := map[string]bool{}
	for _, n := range names {
		_, err := exec.LookPath(n)
		found[n] = err == nil
	}
	return found
}

// number reads a file that holds one number; 0 when it does not.
func number(file string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}

// memoryOf reads the total and the available memory in bytes.
func memoryOf(file string) (total, available int64) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, 0
	}
	for scan := bufio.NewScanner(bytes.NewReader(b)); scan.Scan(); {
		words := strings.Fields(scan.Text())
		if len(words) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(words[1], 10, 64)
		switch words[0] {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			available = kib << 10
		}
	}
	return total, available
}

// magics are the file systems that decide needs to tell apart (statfs(2)).
var magics = map[int64]string{
	unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.NFS_SUPER_MAGIC: "nfs", unix.SMB_SUPER_MAGIC: "cifs",
	unix.CIFS_SUPER_MAGIC: "cifs", unix.SMB2_SUPER_MAGIC: "cifs", unix.MSDOS_SUPER_MAGIC: "vfat",
	unix.EXFAT_SUPER_MAGIC: "exfat", unix.V9FS_MAGIC: "9p", unix.FUSE_SUPER_MAGIC: "fuse",
	unix.ECRYPTFS_SUPER_MAGIC: "ecryptfs", unix.SQUASHFS_MAGIC: "squashfs",
}

// diskOf looks at the file system under dir, or under the nearest folder above
// that exists.
func diskOf(dir string) Disk {
	var s unix.Statfs_t
	for {
		err := unix.Statfs(dir, &s)
		if err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir || !(errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)) {
			return Disk{}
		}
		dir = up
	}
	d := Disk{
		Known: true, Free: int64(s.Bavail) * s.Bsize, FreeInodes: -1,
		Type: magics[int64(uint32(s.Type))], ReadOnly: s.Flags&unix.ST_RDONLY != 0,
	}
	if s.Files > 0 {
		d.FreeInodes = int64(s.Ffree)
	}
	return d
}
