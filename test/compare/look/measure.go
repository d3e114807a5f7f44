package look

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Measure looks around. What cannot be read is left out.
func Measure(c Config, started time.Time) Facts {
	f := Facts{
		Started: started, Argv: os.Args, PID: os.Getpid(), Env: os.Environ(), UID: os.Getuid(), GID: os.Getgid(),
		Limits: limits(), Mounts: mounts(), Paths: map[string]Path{}, Sysctls: map[string]string{},
		Hosts: read("/etc/hosts"), Resolv: read("/etc/resolv.conf"),
	}
	f.Groups, _ = os.Getgroups()
	f.Dir, _ = os.Getwd()
	f.Hostname, _ = os.Hostname()
	f.readStatus()
	for _, p := range c.Paths {
		f.Paths[p] = Stat(p)
	}
	for _, s := range c.Sysctls {
		f.Sysctls[s] = strings.TrimSpace(read("/proc/sys/" + strings.ReplaceAll(s, ".", "/")))
	}
	var fs unix.Statfs_t
	if unix.Statfs("/dev/shm", &fs) == nil {
		f.Shm = fs.Blocks * uint64(fs.Bsize)
	}
	return f
}

func read(name string) string {
	b, _ := os.ReadFile(name) // missing: nothing to tell
	return string(b)
}

func (f *Facts) readStatus() {
	for line := range strings.Lines(read("/proc/self/status")) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		switch key {
		case "CapEff":
			f.CapEff, _ = strconv.ParseUint(value, 16, 64)
		case "CapBnd":
			f.CapBnd, _ = strconv.ParseUint(value, 16, 64)
		case "NoNewPrivs":
			f.NoNew = value == "1"
		}
	}
}

// kernelLimits are the names of /proc/self/limits, by compose's.
var kernelLimits = map[string]int{
	"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "core": unix.RLIMIT_CORE, "memlock": unix.RLIMIT_MEMLOCK,
	"stack": unix.RLIMIT_STACK, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE, "as": unix.RLIMIT_AS, "cpu": unix.RLIMIT_CPU,
}

// limits asks the kernel. Go raises its own soft limit of open files when it
// starts and gives the old one to its children only: a shell tells it.
func limits() map[string]string {
	out := map[string]string{}
	for name, n := range kernelLimits {
		var l unix.Rlimit
		if unix.Prlimit(0, n, nil, &l) == nil {
			out[name] = limit(l.Cur) + " " + limit(l.Max)
		}
	}
	if b, err := exec.Command("/bin/busybox", "sh", "-c", "ulimit -Sn; ulimit -Hn").Output(); err == nil {
		out["nofile"] = strings.ReplaceAll(strings.Join(strings.Fields(string(b)), " "), "unlimited", "-1")
	}
	return out
}

func limit(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "-1"
	}
	return strconv.FormatUint(n, 10)
}

// mounts reads mountinfo: ID PARENT MAJOR:MINOR ROOT AT OPTIONS … - TYPE SOURCE SUPER
func mounts() []Mount {
	var out []Mount
	for line := range bytes.Lines([]byte(read("/proc/self/mountinfo"))) {
		before, after, ok := strings.Cut(string(line), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 3 {
			continue
		}
		ro := hasOption(left[5], "ro") || hasOption(right[2], "ro")
		out = append(out, Mount{At: unescape(left[4]), Device: left[2], Root: unescape(left[3]), Type: right[0], ReadOnly: ro})
	}
	return out
}

func hasOption(options, want string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o == want {
			return true
		}
	}
	return false
}

// unescape undoes the kernel's octal blanks.
func unescape(s string) string {
	for _, c := range " \t\n\\" {
		s = strings.ReplaceAll(s, fmt.Sprintf("\\%03o", c), string(c))
	}
	return s
}
