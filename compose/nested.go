package compose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// openFolders prepares the folders copied from the project for what is mounted
// inside of them, as /app/node_modules is in /app. The kubelet makes an empty
// folder at each such place before it writes the copy, and then leaves out
// what the copy has in the topmost folder of the path. So a file becomes a part
// of the copy, and a folder on the way to a deeper place a copy of its own.
func (set *mountSet) openFolders() {
	for _, inner := range slices.Clone(set.mounts) {
		if around, place := set.around(inner); around != nil && inner.SubPath == mountedFile {
			if file := set.projected(inner); file != nil {
				mergeFile(set.projected(*around), file.Sources[0], place)
				set.drop(inner.Name)
			}
		}
	}
	for i := 0; i < len(set.mounts); i++ { // it grows
		for set.splitAround(set.mounts[i]) {
		}
	}
	for i, v := range set.volumes {
		if v.Projected != nil && len(v.Projected.Sources) == 0 { // all of it went elsewhere
			set.volumes[i] = emptyFolder(v.Name)
		}
	}
}

// around returns the copied folder in which inner is mounted, and where in it;
// nil: it is in none, or in something that lies inside of one.
func (set *mountSet) around(inner corev1.VolumeMount) (folder *corev1.VolumeMount, place string) {
	for _, m := range set.mounts {
		rest, ok := strings.CutPrefix(inner.MountPath, m.MountPath+"/")
		if ok && (folder == nil || len(m.MountPath) > len(folder.MountPath)) {
			folder, place = &m, rest
		}
	}
	if folder == nil || folder.SubPath != "" || set.projected(*folder) == nil {
		return nil, ""
	}
	return folder, place
}

// projected returns what m copies from the project; nil: it is something else.
func (set *mountSet) projected(m corev1.VolumeMount) *corev1.ProjectedVolumeSource {
	for _, v := range set.volumes {
		if v.Name == m.Name {
			return v.Projected
		}
	}
	return nil
}

// drop takes out a volume and where it is mounted.
func (set *mountSet) drop(name string) {
	set.mounts = slices.DeleteFunc(set.mounts, func(m corev1.VolumeMount) bool { return m.Name == name })
	set.volumes = slices.DeleteFunc(set.volumes, func(v corev1.Volume) bool { return v.Name == name })
}

// splitAround gives the topmost folder on the way to inner a volume of its own
// if the copy has something in it; false: there is nothing to split.
func (set *mountSet) splitAround(inner corev1.VolumeMount) bool {
	folder, place := set.around(inner)
	top, _, deep := strings.Cut(place, "/")
	if folder == nil || !deep {
		return false
	}
	sources := takeBelow(set.projected(*folder), top)
	if len(sources) == 0 {
		return false
	}
	v := corev1.Volume{Name: fmt.Sprintf("%s-%d", folder.Name, len(set.volumes))}
	v.Projected = &corev1.ProjectedVolumeSource{Sources: sources, DefaultMode: new(int32(fileMode))}
	set.add(v, corev1.VolumeMount{MountPath: folder.MountPath + "/" + top, ReadOnly: true})
	return true
}

// mergeFile puts the one file of an object at place, over what is there.
func mergeFile(source *corev1.ProjectedVolumeSource, file corev1.VolumeProjection, place string) {
	takeItems(source, func(i corev1.KeyToPath) bool { return i.Path == place })
	(*projectedItems(file))[0].Path = place
	source.Sources = append(source.Sources, file)
}

// takeBelow moves what lies in a folder of the copy out of it.
func takeBelow(source *corev1.ProjectedVolumeSource, folder string) []corev1.VolumeProjection {
	taken := takeItems(source, func(i corev1.KeyToPath) bool { return strings.HasPrefix(i.Path, folder+"/") })
	for _, t := range taken {
		for i := range *projectedItems(t) {
			item := &(*projectedItems(t))[i]
			item.Path = strings.TrimPrefix(item.Path, folder+"/")
		}
	}
	return taken
}

// takeItems moves the items for which which holds out of source. An object
// without items left goes altogether: none at all would mean every key.
func takeItems(source *corev1.ProjectedVolumeSource, which func(corev1.KeyToPath) bool) (taken []corev1.VolumeProjection) {
	var left []corev1.VolumeProjection
	for _, s := range source.Sources {
		out := *s.DeepCopy()
		*projectedItems(out) = slices.DeleteFunc(*projectedItems(out), func(i corev1.KeyToPath) bool { return !which(i) })
		if len(*projectedItems(out)) == 0 {
			left = append(left, s)
			continue
		}
		taken = append(taken, out)
		*projectedItems(s) = slices.DeleteFunc(*projectedItems(s), which)
		if len(*projectedItems(s)) > 0 {
			left = append(left, s)
		}
	}
	source.Sources = left
	return taken
}

// projectedItems returns the files that an object gives to a folder.
func projectedItems(s corev1.VolumeProjection) *[]corev1.KeyToPath {
	if s.Secret != nil {
		return &s.Secret.Items
	}
	return &s.ConfigMap.Items
}
