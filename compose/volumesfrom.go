package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// takeVolumes gives every service the volumes that volumes_from names, after
// its own; of two at one place its own counts.
func takeVolumes(p *types.Project) {
	done := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		s, ok := p.Services[name]
		if !ok || done[name] {
			return
		}
		done[name] = true // a circle ends here
		for _, entry := range s.VolumesFrom {
			from, readOnly := volumesSource(entry)
			visit(from)
			s.Volumes = slices.Clip(s.Volumes)
			for _, v := range p.Services[from].Volumes {
				v.ReadOnly = v.ReadOnly || readOnly
				if !slices.ContainsFunc(s.Volumes, func(own types.ServiceVolumeConfig) bool { return own.Target == v.Target }) {
					s.Volumes = append(s.Volumes, v)
				}
			}
		}
		s.VolumesFrom = nil
		p.Services[name] = s
	}
	for name := range p.Services {
		visit(name)
	}
}

// volumesSource reads "db" and "db:ro"; a container of elsewhere has no name.
func volumesSource(entry string) (service string, readOnly bool) {
	if strings.HasPrefix(entry, types.ContainerPrefix) {
		return "", false
	}
	service, mode, _ := strings.Cut(entry, ":")
	return service, mode == "ro"
}

func judgeVolumesFrom(a attribute) (Verdict, string) {
	from, _ := volumesSource(a.text)
	s, ok := a.project.Services[from]
	if !ok {
		return Refused, "volumes are taken from services of this project only; give both the same named volume"
	}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeVolume && v.Source == "" {
			return Approximated, fmt.Sprintf("the volume of %s at %s has no name: each pod has its own", from, v.Target)
		}
	}
	return Applied, ""
}
