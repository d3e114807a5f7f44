package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sys/unix"
)

// The judges of this file look at the service's first process.

// command holds the whole command line: what the file gives, or the image's
// entry point before it.
func command(_ *application, s types.ServiceConfig) map[string]judge {
	want := slices.Concat(s.Entrypoint, s.Command)
	if s.Entrypoint == nil {
		want = slices.Concat([]string{"/.standin", "serve"}, s.Command)
	}
	return one(inside(func(p pod) bool { return slices.Equal(p.facts.Argv, want) }))
}

// environment holds every variable that the file or an env file gives a value.
func environment(_ *application, s types.ServiceConfig) map[string]judge {
	return one(inside(func(p pod) bool {
		for name, value := range s.Environment {
			if value != nil && !slices.Contains(p.facts.Env, name+"="+*value) {
				return false
			}
		}
		return true
	}))
}

func workingDir(_ *application, s types.ServiceConfig) map[string]judge {
	return one(inside(func(p pod) bool {
		return p.facts.Dir == strings.TrimSuffix(s.WorkingDir, "/") || p.facts.Dir == s.WorkingDir
	}))
}

func hostname(_ *application, s types.ServiceConfig) map[string]judge {
	return one(inside(func(p pod) bool { return p.facts.Hostname == s.Hostname }))
}

// numbers are the ids of the names that stand-ins know.
var numbers = map[string]int{"root": 0, "daemon": 1, "www-data": 33, "nobody": 65534, "node": 1000, "mastodon": 991, "postgres": 70, "redis": 999, "grafana": 472, "nginx": 101}

func user(_ *application, s types.ServiceConfig) map[string]judge {
	name, group, hasGroup := strings.Cut(s.User, ":")
	return one(inside(func(p pod) bool {
		return p.facts.UID == number(name) && (!hasGroup || p.facts.GID == number(group))
	}))
}

func number(name string) int {
	if n, err := strconv.Atoi(name); err == nil {
		return n
	}
	if n, ok := numbers[name]; ok {
		return n
	}
	return -1
}

func groupAdd(_ *application, s types.ServiceConfig) map[string]judge {
	return one(inside(func(p pod) bool {
		for _, g := range s.GroupAdd {
			if !slices.Contains(p.facts.Groups, number(g)) {
				return false
			}
		}
		return true
	}))
}

// initProcess holds that something else is there to bury orphans.
func initProcess(_ *application, s types.ServiceConfig) map[string]judge {
	want := s.Init != nil && *s.Init
	return one(inside(func(p pod) bool { return (p.facts.PID != 1) == want }))
}

// capabilities by name, as the kernel numbers them.
var capabilities = map[string]uint{
	"CHOWN": unix.CAP_CHOWN, "DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "FOWNER": unix.CAP_FOWNER, "FSETID": unix.CAP_FSETID, "KILL": unix.CAP_KILL,
	"SETGID": unix.CAP_SETGID, "SETUID": unix.CAP_SETUID, "SETPCAP": unix.CAP_SETPCAP, "NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE,
	"NET_ADMIN": unix.CAP_NET_ADMIN, "NET_RAW": unix.CAP_NET_RAW, "IPC_LOCK": unix.CAP_IPC_LOCK, "SYS_MODULE": unix.CAP_SYS_MODULE,
	"SYS_PTRACE": unix.CAP_SYS_PTRACE, "SYS_ADMIN": unix.CAP_SYS_ADMIN, "SYS_NICE": unix.CAP_SYS_NICE, "SYS_RESOURCE": unix.CAP_SYS_RESOURCE,
	"SYS_TIME": unix.CAP_SYS_TIME, "SYS_CHROOT": unix.CAP_SYS_CHROOT, "MKNOD": unix.CAP_MKNOD, "AUDIT_WRITE": unix.CAP_AUDIT_WRITE,
	"SETFCAP": unix.CAP_SETFCAP, "BPF": unix.CAP_BPF, "PERFMON": unix.CAP_PERFMON, "SYSLOG": unix.CAP_SYSLOG,
}

func capAdd(_ *application, s types.ServiceConfig) map[string]judge  { return caps(s.CapAdd, true) }
func capDrop(_ *application, s types.ServiceConfig) map[string]judge { return caps(s.CapDrop, false) }

// caps holds each capability to be in the bounding set or out of it: a user
// other than root has none in effect.
func caps(names []string, want bool) map[string]judge {
	out := map[string]judge{}
	for _, name := range names {
		bit, ok := capabilities[strings.TrimPrefix(strings.ToUpper(name), "CAP_")]
		out[name] = inside(func(p pod) bool {
			if strings.EqualFold(name, "ALL") {
				return (p.facts.CapBnd&(1<<unix.CAP_SYS_ADMIN) != 0) == want
			}
			return ok && (p.facts.CapBnd&(1<<bit) != 0) == want
		})
	}
	return out
}

func privileged(_ *application, s types.ServiceConfig) map[string]judge {
	return one(inside(func(p pod) bool { return (p.facts.CapBnd&(1<<unix.CAP_SYS_ADMIN) != 0) == s.Privileged }))
}

func securityOptions(_ *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for _, option := range s.SecurityOpt {
		out[option] = outside(func(pod) bool { return false })
		if strings.HasPrefix(option, "no-new-privileges") && !strings.HasSuffix(option, "false") {
			out[option] = inside(func(p pod) bool { return p.facts.NoNew })
		}
	}
	return out
}

func ulimits(_ *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for _, name := range slices.Sorted(maps.Keys(s.Ulimits)) {
		u := *s.Ulimits[name]
		want := strconv.Itoa(u.Soft) + " " + strconv.Itoa(u.Hard)
		if u.Single != 0 {
			want = strconv.Itoa(u.Single) + " " + strconv.Itoa(u.Single)
		}
		out[name] = inside(func(p pod) bool { return p.facts.Limits[name] == want })
	}
	return out
}

func sysctls(_ *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for name, value := range s.Sysctls {
		out[name] = inside(func(p pod) bool { return p.facts.Sysctls[name] == value })
	}
	return out
}
