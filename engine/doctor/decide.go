package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// What a server needs at least, and what it needs for comfort.
const (
	minDisk      = 500 << 20
	wishDisk     = 1 << 30
	minInodes    = 20_000 // an unpacked image has thousands of files
	minMemory    = 480 << 20
	wishMemory   = 300 << 20 // available
	minInstances = 128
	minWatches   = 8192
	maxSocket    = 107 // bytes in the path of a Unix socket (sockaddr_un)
)

// built is a time before which no clock of today can be.
var built = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Decide names what is missing.
func Decide(o Options, f Facts) []Finding {
	found := slices.Concat(serverRuns(o, f), dataFolder(o, f), disk(o, f), clock(f), memory(f), ports(o, f))
	if o.ControlOnly {
		return found
	}
	return slices.Concat(root(f), found, kernel(f), tools(f), cgroups(f), network(f), inotify(f))
}

func one(name, problem, remedy string) []Finding {
	return []Finding{{Name: name, Problem: problem, Remedy: remedy, Fatal: true}}
}

func warning(name, problem, remedy string) []Finding {
	return []Finding{{Name: name, Problem: problem, Remedy: remedy}}
}

func root(f Facts) []Finding {
	if f.UID == 0 {
		return nil
	}
	return one("root", "a server with a node needs root", "run it with sudo, or run an API server alone with --control-only")
}

func serverRuns(o Options, f Facts) []Finding {
	if !f.Server.Running {
		return nil
	}
	who := "another server"
	if f.Server.PID > 0 {
		who = fmt.Sprintf("another server (pid %d)", f.Server.PID)
	}
	return one("server", fmt.Sprintf("%s holds %s", who, o.Dirs.Data),
		"nagi down stops it; --data-dir starts one of its own elsewhere")
}

// kernel lists features that a trial showed to be missing.
func kernel(f Facts) []Finding {
	var found []Finding
	for _, feature := range []struct{ name, module string }{
		{"overlay", "overlay"}, {"bridge", "bridge"}, {"veth", "veth"}, {"nftables", "nf_tables"},
	} {
		why, lacks := f.Lacking[feature.name]
		if !lacks {
			continue
		}
		found = append(found, one("kernel", fmt.Sprintf("%s does not work: %s", feature.name, why),
			fmt.Sprintf("run modprobe %s, or use a kernel that has it", feature.module))...)
	}
	return found
}

// packages are the names under which distributions know a tool.
var packages = map[string]string{"nft": "nftables", "mount": "mount", "umount": "mount"}

func tools(f Facts) []Finding {
	var found []Finding
	for _, tool := range []string{"nft", "mount", "umount"} {
		if has, looked := f.Tools[tool]; looked && !has {
			found = append(found, one("tools", "the program "+tool+" is missing", "install the package "+packages[tool])...)
		}
	}
	return found
}

func cgroups(f Facts) []Finding {
	c := f.Cgroups
	switch {
	case c.Version == 0:
		return one("cgroups", "no cgroup file system is mounted", "mount one: mount -t cgroup2 none /sys/fs/cgroup")
	case c.ReadOnly:
		return one("cgroups", "/sys/fs/cgroup is read-only", "mount it writable; in a container, run the container privileged")
	}
	want := []string{"cpu", "memory", "pids"}
	if c.Version == 1 {
		want = []string{"cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"}
	}
	missing := slices.DeleteFunc(want, func(w string) bool { return slices.Contains(c.Controllers, w) })
	if len(missing) == 0 {
		return nil
	}
	remedy := "turn them on in the kernel or in the cgroup above"
	if slices.Contains(missing, "memory") {
		remedy = "add cgroup_enable=memory to the kernel's command line and start the machine again"
	}
	return one("cgroups", "controllers are missing: "+strings.Join(missing, ", "), remedy)
}

func network(f Facts) []Finding {
	if f.Forwarding || f.ForwardingWritable || f.UID != 0 {
		return nil
	}
	return one("network", "packets are not forwarded, and /proc/sys is read-only",
		"run sysctl -w net.ipv4.ip_forward=1 where it can be written")
}

func inotify(f Facts) []Finding {
	var found []Finding
	if n := f.InotifyInstances; n > 0 && n < minInstances {
		found = append(found, warning("inotify", fmt.Sprintf("at most %d watchers per user; pods use many", n),
			"run sysctl -w fs.inotify.max_user_instances=512")...)
	}
	if n := f.InotifyWatches; n > 0 && n < minWatches {
		found = append(found, warning("inotify", fmt.Sprintf("at most %d watched files per user; pods use many", n),
			"run sysctl -w fs.inotify.max_user_watches=65536")...)
	}
	return found
}

func memory(f Facts) []Finding {
	switch {
	case f.MemoryTotal > 0 && f.MemoryTotal < minMemory:
		return one("memory", fmt.Sprintf("the machine has %s; a server needs 512 MB", mega(f.MemoryTotal)), "give it more")
	case f.MemoryAvailable > 0 && f.MemoryAvailable < wishMemory:
		return warning("memory", fmt.Sprintf("%s are available; a server takes about 450 MB", mega(f.MemoryAvailable)),
			"stop something, or give the machine more")
	}
	return nil
}

func clock(f Facts) []Finding {
	switch {
	case f.Now.Before(built):
		return one("clock", "it says "+f.Now.UTC().Format(time.DateOnly)+"; certificates made now would not hold",
			"set it, or let a time service do it")
	case f.Data.CAStart.After(f.Now.Add(time.Minute)):
		return one("clock", fmt.Sprintf("it says %s, before this server's certificates begin (%s)",
			f.Now.UTC().Format(time.DateTime), f.Data.CAStart.UTC().Format(time.DateTime)), "set it right")
	}
	return nil
}

// foreign are file systems on which overlayfs cannot stack.
var foreign = []string{"overlay", "nfs", "cifs", "vfat", "exfat", "9p", "fuse", "ecryptfs", "squashfs"}

func disk(o Options, f Facts) []Finding {
	d := f.Disk
	if !d.Known {
		return nil
	}
	var found []Finding
	switch {
	case d.ReadOnly:
		return one("disk", "the file system of "+o.Dirs.Data+" is read-only", "mount it writable, or choose another --data-dir")
	case d.Free < minDisk:
		found = one("disk", fmt.Sprintf("%s are free for %s; a server needs 500 MB", mega(d.Free), o.Dirs.Data),
			"make room, or choose another --data-dir")
	case d.Free < wishDisk:
		found = warning("disk", fmt.Sprintf("%s are free for %s; images soon take 1 GB", mega(d.Free), o.Dirs.Data), "make room")
	}
	if d.FreeInodes >= 0 && d.FreeInodes < minInodes {
		found = append(found, one("disk", fmt.Sprintf("room for %d files only in %s", d.FreeInodes, o.Dirs.Data),
			"remove small files, or choose another --data-dir")...)
	}
	if !o.ControlOnly && slices.Contains(foreign, d.Type) {
		found = append(found, one("disk", fmt.Sprintf("containers cannot run from %s: it lies on %s", o.Dirs.Data, d.Type),
			"choose a --data-dir on ext4, xfs or btrfs")...)
	}
	return found
}

func dataFolder(o Options, f Facts) []Finding {
	if f.Server.Running { // it works in there
		return nil
	}
	socket := len(o.Dirs.ContainerdSocket() + ".ttrpc")
	var found []Finding
	switch {
	case f.Data.NotAFolder:
		return one("data", o.Dirs.Data+" is no folder", "remove it, or choose another --data-dir")
	case f.Data.NotWritable && (f.UID == 0 || o.ControlOnly): // else root is what is missing
		return one("data", o.Dirs.Data+" cannot be written", "make it your own, or choose another --data-dir")
	case socket > maxSocket:
		found = one("data", fmt.Sprintf("the path %s is too long for sockets, by %d characters", o.Dirs.Run, socket-maxSocket),
			"choose a shorter --data-dir")
	}
	for _, d := range f.Data.Damages {
		found = append(found, one("data", d.File+" is damaged: "+d.Problem,
			"bring it back from a backup, or start afresh with nagi down --wipe")...)
	}
	return found
}

// ports names those that somebody else holds. Those of a server that runs are
// its own.
func ports(o Options, f Facts) []Finding {
	if f.Server.Running {
		return nil
	}
	var found []Finding
	for _, p := range o.Ports {
		i := slices.IndexFunc(f.Listeners, func(l Listener) bool { return clash(p, l) })
		if i < 0 {
			continue
		}
		remedy := "stop it"
		if p.Flag != "" {
			remedy += ", or move with " + p.Flag
		}
		problem := fmt.Sprintf("%s, for %s, is taken by %s", p.Addr, p.Use, who(f.Listeners[i]))
		found = append(found, one("port", problem, remedy)...)
	}
	return found
}

func who(l Listener) string {
	switch {
	case l.PID == 0:
		return "another process"
	case l.Process == "":
		return fmt.Sprintf("process %d", l.PID)
	}
	return fmt.Sprintf("%s (pid %d)", l.Process, l.PID)
}

// clash tells whether both cannot listen at once.
func clash(p Port, l Listener) bool {
	proto := p.Proto
	if proto == "" {
		proto = "tcp"
	}
	if p.Addr.Port() == 0 || proto != l.Proto || p.Addr.Port() != l.Addr.Port() {
		return false
	}
	a, b := p.Addr.Addr().Unmap(), l.Addr.Addr().Unmap()
	if a == b || a.IsUnspecified() {
		return true
	}
	// [::] answers for IPv4 as well, unless a program asks otherwise.
	return b == netip.IPv6Unspecified() || (b == netip.IPv4Unspecified() && a.Is4())
}

func mega(bytes int64) string { return fmt.Sprintf("%d MB", bytes/1e6) }
