package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// claimSize is what a volume asks for when the file does not say, in bytes.
const claimSize = 1 << 30

// claims returns one claim for each named volume that a service mounts,
// whoever shares it. A volume that nobody mounts, or that exists outside of the
// project, gets none.
func (m *maker) claims() []Object {
	used, taken := m.usedVolumes(), map[string]string{}
	var objs []Object
	for _, key := range slices.Sorted(maps.Keys(m.project.Volumes)) {
		v := m.project.Volumes[key]
		if !used[key] || bool(v.External) {
			continue
		}
		name := m.claimName(key)
		if other, ok := taken[name]; ok {
			m.fault("volumes."+key, "becomes %q in Kubernetes, as volumes.%s does; rename one of them", name, other)
		}
		taken[name] = key
		objs = append(objs, m.claim(name, v))
	}
	return objs
}

func (m *maker) usedVolumes() map[string]bool {
	used := map[string]bool{}
	for _, s := range m.project.Services {
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeVolume {
				used[v.Source] = true
			}
		}
		for i := range s.PreStart {
			for _, v := range s.PreStart[i].Volumes {
				if v.Type == types.VolumeTypeVolume {
					used[v.Source] = true
				}
			}
		}
	}
	return used
}

// claimName returns the claim of the volume that the file calls key: for an
// external one that of its real name.
func (m *maker) claimName(key string) string {
	if v := m.project.Volumes[key]; bool(v.External) && v.Name != "" {
		return ObjectName(v.Name)
	}
	return ObjectName(key)
}

func (m *maker) claim(name string, v types.VolumeConfig) Object {
	meta := m.meta(name, "")
	markFrom(&meta, v.Labels)
	return &corev1.PersistentVolumeClaim{
		TypeMeta:   typeMeta("v1", "PersistentVolumeClaim"),
		ObjectMeta: meta,
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: volumeSize(v.DriverOpts)},
			},
		},
	}
}

// volumeSize reads the driver options "size: 10g" and "o: size=10g".
func volumeSize(opts types.Options) resource.Quantity {
	if n := byteCount(opts["size"]); n > 0 {
		return bytesQuantity(n)
	}
	if n := sizeOption(opts["o"]); n > 0 {
		return bytesQuantity(n)
	}
	return bytesQuantity(claimSize)
}

// sizeOption finds the size in mount options such as "size=64m,mode=755", in
// bytes; 0: there is none.
func sizeOption(options string) int64 {
	for option := range strings.SplitSeq(options, ",") {
		if size, ok := strings.CutPrefix(strings.TrimSpace(option), "size="); ok {
			return byteCount(size)
		}
	}
	return 0
}
