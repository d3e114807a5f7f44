package compose

import (
	"cmp"
	"fmt"
	slashpath "path"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"

	"nagi.dev/api/v1alpha1"
)

// fileMode is that of a file when nobody says otherwise.
const fileMode = 0o444

// mountedFile is the name of a file in the volume that holds nothing else; the
// container does not see it.
const mountedFile = "file"

// addConfigs mounts each config of a service as one file, so that none hides
// what is beside it.
func (m *maker) addConfigs(set *mountSet, s types.ServiceConfig) {
	for i, c := range s.Configs {
		known := m.project.Configs[c.Source]
		asset, ok := m.fileAsset("ConfigMap", "config/"+c.Source, bool(known.External), cmp.Or(known.Name, c.Source))
		if !ok {
			m.fault(fmt.Sprintf("services.%s.configs[%d]", s.Name, i), "the content of config %q is not at hand", c.Source)
			continue
		}
		target := slashpath.Join("/", cmp.Or(c.Target, c.Source))
		addFile(set, fmt.Sprintf("config-%d", i), asset, modeOf(c.Mode), target)
		set.ownFile(target, c.UID, c.GID, *modeOf(c.Mode))
	}
}

// addSecrets does the same for secrets; theirs is the folder /run/secrets.
func (m *maker) addSecrets(set *mountSet, s types.ServiceConfig) {
	for i, c := range s.Secrets {
		known := m.project.Secrets[c.Source]
		asset, ok := m.fileAsset("Secret", "secret/"+c.Source, bool(known.External), cmp.Or(known.Name, c.Source))
		if !ok {
			m.fault(fmt.Sprintf("services.%s.secrets[%d]", s.Name, i), "the content of secret %q is not at hand", c.Source)
			continue
		}
		target := cmp.Or(c.Target, c.Source)
		if !slashpath.IsAbs(target) {
			target = slashpath.Join("/run/secrets", target)
		}
		addFile(set, fmt.Sprintf("secret-%d", i), asset, modeOf(c.Mode), target)
		set.ownFile(target, c.UID, c.GID, *modeOf(c.Mode))
	}
}

// fileAsset returns the asset of one file. An external one is the object of
// that name, its data under the same key.
func (m *maker) fileAsset(kind, key string, external bool, name string) (v1alpha1.Asset, bool) {
	if external {
		items := []v1alpha1.AssetItem{{Key: name, Path: name}}
		return v1alpha1.Asset{Kind: kind, Objects: []v1alpha1.AssetObject{{Name: ObjectName(name), Items: items}}}, true
	}
	a, ok := m.assets[key]
	return a, ok && len(a.Objects) > 0 && len(a.Objects[0].Items) > 0
}

// addFile mounts the one file of an asset at target.
func addFile(set *mountSet, name string, a v1alpha1.Asset, mode *int32, target string) {
	object := a.Objects[0]
	item := object.Items[0]
	item.Path = mountedFile
	if mode != nil {
		item.Mode = mode
	}
	object.Items = []v1alpha1.AssetItem{item}
	set.add(projectedVolume(name, a.Kind, []v1alpha1.AssetObject{object}),
		corev1.VolumeMount{MountPath: target, SubPath: item.Path, ReadOnly: true})
}

// isFile tells whether a bind is one file rather than a folder: the asset then
// holds nothing but a file of the source's own name.
func isFile(a v1alpha1.Asset, v types.ServiceVolumeConfig) bool {
	return len(a.Objects) == 1 && len(a.Objects[0].Items) == 1 && a.Objects[0].Items[0].Path == slashpath.Base(v.Source)
}

func modeOf(mode *types.FileMode) *int32 {
	if mode == nil {
		return new(int32(fileMode))
	}
	return new(int32(*mode & 0o777))
}
