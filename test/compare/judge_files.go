package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"nagi.dev/test/compare/look"
)

// The judges of this file look at what is mounted.

// volumes holds each mount: it is there; a named volume, and a folder of the
// machine that is empty, keep their files when the pod goes, and are one for
// all services that name them; a bound file or folder has the content that it
// has beside the compose file. Read-only is a claim of its own.
func volumes(a *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for _, v := range s.Volumes {
		out[v.Target] = inside(func(p pod) bool { return mounted(v, p) })
		if v.ReadOnly {
			out[v.Target+" read-only"] = inside(func(p pod) bool {
				m, ok := mountAt(p, v.Target)
				return ok && m.ReadOnly
			})
		}
		if v.Type == types.VolumeTypeVolume && v.Source != "" {
			if other := partner(a, s, v.Source); other != "" {
				out[v.Target+" shared"] = shared(a, v, other)
			}
		}
	}
	return out
}

func mounted(v types.ServiceVolumeConfig, p pod) bool {
	m, ok := mountAt(p, v.Target)
	if !ok {
		return false
	}
	switch v.Type {
	case types.VolumeTypeTmpfs:
		return m.Type == "tmpfs"
	case types.VolumeTypeVolume:
		return v.Source == "" || m.ReadOnly == v.ReadOnly && lasts(p, v.Target)
	case types.VolumeTypeBind:
		here := look.Stat(v.Source)
		if !here.Exists || here.Folder && here.Digest == look.Empty {
			return lasts(p, v.Target)
		}
		there := p.facts.Paths[v.Target]
		return there.Exists && there.Digest == here.Digest
	}
	return true
}

func mountAt(p pod, target string) (look.Mount, bool) {
	target = strings.TrimSuffix(target, "/")
	for i := len(p.facts.Mounts) - 1; i >= 0; i-- {
		if p.facts.Mounts[i].At == target {
			return p.facts.Mounts[i], true
		}
	}
	return look.Mount{}, false
}

// lasts says whether the volume at target outlives the pod.
func lasts(p pod, target string) bool {
	for _, m := range p.main.VolumeMounts {
		if strings.TrimSuffix(m.MountPath, "/") != strings.TrimSuffix(target, "/") {
			continue
		}
		for _, v := range p.Spec.Volumes {
			if v.Name == m.Name {
				return v.PersistentVolumeClaim != nil || v.HostPath != nil || v.NFS != nil || v.CSI != nil
			}
		}
	}
	return false
}

// partner is another service that has the same volume.
func partner(a *application, s types.ServiceConfig, volume string) string {
	for name, other := range a.project.Services {
		for _, v := range other.Volumes {
			if name != s.Name && v.Type == types.VolumeTypeVolume && v.Source == volume {
				return name
			}
		}
	}
	return ""
}

// shared holds that both see the same folder of the same disk.
func shared(a *application, v types.ServiceVolumeConfig, other string) judge {
	return func(_ context.Context, o *seen, p pod) verdict {
		if p.facts == nil || len(o.pods[other]) == 0 || o.pods[other][0].facts == nil {
			return unknown
		}
		mine, ok := mountAt(p, v.Target)
		for _, theirs := range a.project.Services[other].Volumes {
			if theirs.Source != v.Source {
				continue
			}
			m, found := mountAt(o.pods[other][0], theirs.Target)
			return verdictOf(ok && found && m.Device == mine.Device && m.Root == mine.Root)
		}
		return unknown
	}
}

func shmSize(_ *application, s types.ServiceConfig) map[string]judge {
	const page = 4096
	return one(inside(func(p pod) bool {
		want := uint64(s.ShmSize)
		return p.facts.Shm >= want && p.facts.Shm < want+page
	}))
}

func tmpfs(_ *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for _, t := range s.Tmpfs {
		target, _, _ := strings.Cut(t, ":")
		out[target] = inside(func(p pod) bool {
			m, ok := mountAt(p, target)
			return ok && m.Type == "tmpfs"
		})
	}
	return out
}

func readOnly(_ *application, s types.ServiceConfig) map[string]judge {
	return one(inside(func(p pod) bool {
		for _, m := range p.facts.Mounts {
			if m.At == "/" {
				return m.ReadOnly == s.ReadOnly
			}
		}
		return false
	}))
}

func secrets(a *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for _, f := range s.Secrets {
		given(out, secretTarget(f), types.FileReferenceConfig(f), types.FileObjectConfig(a.project.Secrets[f.Source]))
	}
	return out
}

func configs(a *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for _, f := range s.Configs {
		given(out, configTarget(f), types.FileReferenceConfig(f), types.FileObjectConfig(a.project.Configs[f.Source]))
	}
	return out
}

// given holds the content of a config or secret, and apart from it the mode
// and the owner where the file says them.
func given(out map[string]judge, target string, f types.FileReferenceConfig, from types.FileObjectConfig) {
	out[target] = inside(func(p pod) bool {
		there := p.facts.Paths[target]
		return there.Exists && (from.File == "" || there.Digest == look.Digest(from.File))
	})
	if f.Mode != nil {
		out[target+" mode"] = inside(func(p pod) bool { return int64(p.facts.Paths[target].Mode) == int64(*f.Mode) })
	}
	if f.UID != "" {
		out[target+" uid"] = inside(func(p pod) bool { return strconv.Itoa(p.facts.Paths[target].UID) == f.UID })
	}
	if f.GID != "" {
		out[target+" gid"] = inside(func(p pod) bool { return strconv.Itoa(p.facts.Paths[target].GID) == f.GID })
	}
}

func extraHosts(_ *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for host, addresses := range s.ExtraHosts {
		for _, address := range addresses {
			out[host] = inside(func(p pod) bool {
				for line := range strings.Lines(p.facts.Hosts) {
					words := strings.Fields(line)
					for _, w := range words[min(1, len(words)):] {
						if w == host && words[0] == address {
							return true
						}
					}
				}
				return false
			})
		}
	}
	return out
}

func dns(_ *application, s types.ServiceConfig) map[string]judge {
	return resolves("nameserver", s.DNS)
}

func dnsSearch(_ *application, s types.ServiceConfig) map[string]judge {
	return resolves("search", s.DNSSearch)
}

func dnsOptions(_ *application, s types.ServiceConfig) map[string]judge {
	return resolves("options", s.DNSOpts)
}

// resolves holds words of resolv.conf.
func resolves(key string, words []string) map[string]judge {
	return one(inside(func(p pod) bool {
		found := " "
		for line := range strings.Lines(p.facts.Resolv) {
			if rest, ok := strings.CutPrefix(line, key); ok {
				found += strings.Join(strings.Fields(rest), " ") + " "
			}
		}
		for _, w := range words {
			if !strings.Contains(found, " "+w+" ") {
				return false
			}
		}
		return true
	}))
}
