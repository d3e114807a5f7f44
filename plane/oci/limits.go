package oci

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A host is what the machine lets its root do with limits.
type host struct {
	raises bool                             // CAP_SYS_RESOURCE: beyond its own hard limits
	hard   func(name string) (uint64, bool) // its own hard limit; false: not known
}

// allows says, in a person's words, which limit no container can have here.
// runc would say the number of the limit only.
func (h host) allows(limits []Limit) error {
	if h.raises {
		return nil
	}
	for _, l := range limits {
		most, known := h.hard(l.Name)
		if !known || l.Hard <= most {
			continue
		}
		asked := strconv.FormatUint(l.Hard, 10)
		if l.Hard == math.MaxUint64 {
			asked = "no limit"
		}
		return fmt.Errorf("ulimits: %s may be %d at most on this machine, and %s is asked for; ask for less, or raise the machine's own limit", l.Name, most, asked)
	}
	return nil
}

// resources are the kernel's numbers of the limits that machines bound.
var resources = map[string]int{
	"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "memlock": unix.RLIMIT_MEMLOCK, "core": unix.RLIMIT_CORE,
	"stack": unix.RLIMIT_STACK, "rtprio": unix.RLIMIT_RTPRIO, "nice": unix.RLIMIT_NICE, "sigpending": unix.RLIMIT_SIGPENDING,
}

// thisHost asks the kernel what holds for this process, and so for runc.
func thisHost() host {
	return host{raises: mayRaise(), hard: func(name string) (uint64, bool) {
		n, ok := resources[name]
		var l unix.Rlimit
		if !ok || unix.Getrlimit(n, &l) != nil {
			return 0, false
		}
		return l.Max, true
	}}
}

// mayRaise looks for CAP_SYS_RESOURCE; where that cannot be told, runc finds out.
func mayRaise() bool {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, ok := strings.Cut(string(status), "CapEff:\t")
	line, _, _ := strings.Cut(rest, "\n")
	set, err := strconv.ParseUint(line, 16, 64)
	return !ok || err != nil || set&(1<<unix.CAP_SYS_RESOURCE) != 0
}
