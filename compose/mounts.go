package compose

import (
	"fmt"
	slashpath "path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"nagi.dev/api/v1alpha1"
)

// Where shared memory and the plane's program are in every container.
const (
	shmPath   = "/dev/shm"
	shmVolume = "shm"
	planePath = "/.nagi"
)

// A mountSet holds the volumes of a service and where its container sees them.
type mountSet struct {
	volumes []corev1.Volume
	mounts  []corev1.VolumeMount
	owned   []owned
	seeds   []seed
}

// add mounts a volume; one that is there already is only mounted once more.
func (set *mountSet) add(v corev1.Volume, m corev1.VolumeMount) {
	m.Name, m.MountPath = v.Name, slashpath.Clean(m.MountPath)
	set.mounts = append(set.mounts, m)
	if !slices.ContainsFunc(set.volumes, func(w corev1.Volume) bool { return w.Name == v.Name }) {
		set.volumes = append(set.volumes, v)
	}
}

// has tells whether something is mounted at target.
func (set *mountSet) has(target string) bool {
	return slices.ContainsFunc(set.mounts, func(m corev1.VolumeMount) bool { return m.MountPath == target })
}

// mountsOf returns all that a service mounts.
func (m *maker) mountsOf(s types.ServiceConfig) mountSet {
	var set mountSet
	for i, v := range s.Volumes {
		m.addVolume(&set, s, i, v)
	}
	for i, text := range s.Tmpfs {
		target, options, _ := strings.Cut(text, ":")
		name, o := fmt.Sprintf("tmpfs-%d", i), parseTmpfs(options)
		set.add(memory(name, sizeOption(options)), corev1.VolumeMount{MountPath: target})
		set.ownFolder(name, o.mode, o.uid, o.gid)
	}
	m.addConfigs(&set, s)
	m.addSecrets(&set, s)
	if s.ShmSize > 0 && !set.has(shmPath) {
		set.add(memory(shmVolume, int64(s.ShmSize)), corev1.VolumeMount{MountPath: shmPath})
	}
	if _, ok := planeProbe(s.HealthCheck); ok || needsHookProgram(s) {
		set.add(m.planeVolume(), corev1.VolumeMount{MountPath: planePath, ReadOnly: true})
	}
	m.addWatch(&set, s)
	set.openFolders()
	return set
}

// addVolume adds the service's volume at index i. Kinds that Kubernetes has
// nothing for are left out.
func (m *maker) addVolume(set *mountSet, s types.ServiceConfig, i int, v types.ServiceVolumeConfig) {
	mount := corev1.VolumeMount{MountPath: v.Target, ReadOnly: v.ReadOnly}
	switch v.Type {
	case types.VolumeTypeBind:
		m.addBind(set, s, i, v)
	case types.VolumeTypeVolume:
		m.addNamed(set, i, v, mount)
	case types.VolumeTypeTmpfs:
		name, t := fmt.Sprintf("memory-%d", i), types.ServiceVolumeTmpfs{}
		if v.Tmpfs != nil {
			t = *v.Tmpfs
		}
		set.add(memory(name, int64(t.Size)), mount)
		if t.Mode != 0 {
			set.ownFolder(name, int32(t.Mode&0o7777), 0, 0)
		}
	case types.VolumeTypeImage:
		if v.Image != nil {
			mount.SubPath = v.Image.SubPath
		}
		mount.ReadOnly = true
		set.add(imageVolume(fmt.Sprintf("image-%d", i), v.Source), mount)
	}
}

// addNamed adds a claim, or for a volume without a name an empty folder that
// lives as long as the pod.
func (m *maker) addNamed(set *mountSet, i int, v types.ServiceVolumeConfig, mount corev1.VolumeMount) {
	if v.Volume != nil {
		mount.SubPath = v.Volume.Subpath
	}
	copied := v.Volume == nil || !v.Volume.NoCopy && v.Volume.Subpath == ""
	if v.Source == "" {
		name := fmt.Sprintf("anonymous-%d", i)
		set.add(emptyFolder(name), mount)
		set.seed(copied, name, v.Target)
		return
	}
	claim := m.claimName(v.Source)
	set.seed(copied, fitName("volume-"+claim), v.Target)
	source := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}
	set.add(corev1.Volume{
		Name:         fitName("volume-" + claim),
		VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: source},
	}, mount)
}

// seed notes that a volume is to be filled; one that is mounted twice has the
// first place.
func (set *mountSet) seed(copied bool, volume, from string) {
	if copied && !slices.ContainsFunc(set.seeds, func(s seed) bool { return s.volume == volume }) {
		set.seeds = append(set.seeds, seed{volume: volume, from: slashpath.Clean(from)})
	}
}

// addBind adds the copy of a file or folder of the project. A bind without a
// copy was refused and, if the person insisted, is left out.
func (m *maker) addBind(set *mountSet, s types.ServiceConfig, i int, v types.ServiceVolumeConfig) {
	asset, ok := m.assets[fmt.Sprintf("bind/%s/%d", s.Name, i)]
	name := fmt.Sprintf("bind-%d", i)
	switch {
	case !ok:
	case isFile(asset, v):
		addFile(set, name, asset, nil, v.Target)
	case len(asset.Objects) == 0:
		set.add(emptyFolder(name), corev1.VolumeMount{MountPath: v.Target, ReadOnly: v.ReadOnly})
	default:
		set.add(projectedVolume(name, asset.Kind, asset.Objects), corev1.VolumeMount{MountPath: v.Target, ReadOnly: true})
	}
}

// planeVolume holds nagi-plane for the probes and hooks that need it.
func (m *maker) planeVolume() corev1.Volume {
	if m.portable {
		return emptyFolder(planeName)
	}
	return imageVolume(planeName, m.plane)
}

func imageVolume(name, image string) corev1.Volume {
	source := &corev1.ImageVolumeSource{Reference: image, PullPolicy: corev1.PullIfNotPresent}
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Image: source}}
}

func emptyFolder(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

// memory returns a folder in memory of at most size bytes; 0: of any size.
func memory(name string, size int64) corev1.Volume {
	dir := &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}
	if size > 0 {
		dir.SizeLimit = resource.NewQuantity(size, resource.BinarySI)
	}
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: dir}}
}

// projectedVolume returns one folder with the items of all objects.
func projectedVolume(name, kind string, objects []v1alpha1.AssetObject) corev1.Volume {
	source := &corev1.ProjectedVolumeSource{DefaultMode: new(int32(fileMode))}
	for _, o := range objects {
		source.Sources = append(source.Sources, projection(kind, o))
	}
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Projected: source}}
}

func projection(kind string, o v1alpha1.AssetObject) corev1.VolumeProjection {
	var items []corev1.KeyToPath
	for _, item := range o.Items {
		items = append(items, corev1.KeyToPath{Key: item.Key, Path: item.Path, Mode: item.Mode})
	}
	named := corev1.LocalObjectReference{Name: o.Name}
	if kind == "Secret" {
		return corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: named, Items: items}}
	}
	return corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named, Items: items}}
}
