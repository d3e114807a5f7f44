package compose

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/types"
)

// keepFolders turns binds of folders that are missing or empty into named
// volumes. Such a folder is where a service keeps what it writes: "./data" of
// a database. Services that share the folder share the volume.
func (p *Project) keepFolders() {
	taken := map[string]string{} // the folder of each volume
	for _, name := range slices.Sorted(maps.Keys(p.Services)) {
		volumes := p.Services[name].Volumes
		for i, v := range volumes {
			if p.startsEmpty(v) {
				volumes[i] = p.keptFolder(v, taken)
			}
		}
	}
}

// startsEmpty tells whether a bind has nothing to bring along, and the service
// may write there. A name with an extension is rather a file that is missing.
func (p *Project) startsEmpty(v types.ServiceVolumeConfig) bool {
	if v.Type != types.VolumeTypeBind || v.ReadOnly || p.outside(v.Source) != "" || filepath.Clean(v.Source) == filepath.Clean(p.WorkingDir) {
		return false
	}
	entries, err := os.ReadDir(v.Source)
	switch {
	case os.IsNotExist(err):
		return filepath.Ext(v.Source) == "" && (v.Bind == nil || bool(v.Bind.CreateHostPath))
	case err != nil:
		return false
	}
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != ".gitkeep" })
}

// keptFolder is the volume that takes the folder's place.
func (p *Project) keptFolder(v types.ServiceVolumeConfig, taken map[string]string) types.ServiceVolumeConfig {
	key := ObjectName("folder-" + p.show(v.Source))
	for folder, ok := taken[key]; ok && folder != v.Source; folder, ok = taken[key] {
		key = ObjectName(key + "-other")
	}
	taken[key] = v.Source
	if p.Volumes == nil {
		p.Volumes = types.Volumes{}
	}
	p.Volumes[key] = types.VolumeConfig{Name: p.Name + "_" + key}
	v.Type, v.Source, v.Bind = types.VolumeTypeVolume, key, nil
	v.Volume = &types.ServiceVolumeVolume{NoCopy: true}
	return v
}

// wasBind tells whether the entry of a file is a bind.
func wasBind(a attribute) bool {
	if a.name() == "source" {
		return a.parent.get("type").str() == types.VolumeTypeBind
	}
	v, err := format.ParseVolume(a.text)
	return err == nil && v.Type == types.VolumeTypeBind
}
