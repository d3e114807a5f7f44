package oci

import "strings"

// container changes the configuration of a container.
func (s Settings) container(config tree, rootfs string) error {
	process := child(config, "process")
	if err := s.process(process, rootfs); err != nil {
		return err
	}
	linux := child(config, "linux")
	for name, value := range s.Sysctls {
		child(linux, "sysctl")[name] = value
	}
	resources := child(linux, "resources")
	if s.Pids != 0 {
		child(resources, "pids")["limit"] = s.Pids
	}
	for _, d := range s.Devices {
		d.addTo(linux, resources)
	}
	return nil
}

// process changes one process: the first of a container, or a further one.
func (s Settings) process(process tree, rootfs string) error {
	user := child(process, "user")
	if err := s.user(user, rootfs); err != nil {
		return err
	}
	if s.Umask != nil {
		user["umask"] = *s.Umask
	}
	if s.OOMScoreAdj != nil {
		process["oomScoreAdj"] = *s.OOMScoreAdj
	}
	for _, l := range s.Limits {
		process["rlimits"] = l.over(listOf(process["rlimits"]))
	}
	return nil
}

// over puts a limit into a list, in the place of one of its name.
func (l Limit) over(all []any) []any {
	kind := "RLIMIT_" + strings.ToUpper(l.Name)
	var out []any
	for _, old := range all {
		if t, ok := old.(tree); !ok || t["type"] != kind {
			out = append(out, old)
		}
	}
	return append(out, tree{"type": kind, "soft": l.Soft, "hard": l.Hard})
}

// child returns a mapping inside of t, made if it is not there.
func child(t tree, name string) tree {
	c, ok := t[name].(tree)
	if !ok {
		c = tree{}
		t[name] = c
	}
	return c
}

func listOf(v any) []any {
	l, _ := v.([]any)
	return l
}
