package compose

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
)

// An Asset is a file or folder of the project that a service needs.
type Asset struct {
	Key    string // config/NAME, secret/NAME or bind/SERVICE/INDEX
	Secret bool   // keep it in Secrets rather than ConfigMaps
	Files  []AssetFile
}

// An AssetFile is one file of an Asset.
type AssetFile struct {
	Path string      // below the asset, with slashes
	Mode fs.FileMode // permissions; 0: those of the mount
	Data []byte
}

// What a project may ship. etcd takes 1.5 MiB in one request.
const (
	maxAssetFile  = 1<<20 - 16<<10 // bytes of one file; the rest is the object around it
	maxAssets     = 16 << 20       // bytes of all files of a project
	maxAssetFiles = 2048           // files of one folder
)

// collectAssets reads the contents of configs, secrets and bind mounts.
func (p *Project) collectAssets() ([]Asset, error) {
	c := &collector{project: p, used: map[string]bool{}}
	for _, name := range p.ServiceNames() {
		if err := c.service(name, p.Services[name]); err != nil {
			return nil, err
		}
	}
	return c.assets, nil
}

// A collector reads assets, each once.
type collector struct {
	project *Project
	assets  []Asset
	used    map[string]bool // keys
	bytes   int
}

func (c *collector) service(name string, s types.ServiceConfig) error {
	for _, ref := range s.Configs {
		if err := c.object("configs", ref.Source, types.FileObjectConfig(c.project.Configs[ref.Source])); err != nil {
			return err
		}
	}
	for _, ref := range s.Secrets {
		if err := c.object("secrets", ref.Source, types.FileObjectConfig(c.project.Secrets[ref.Source])); err != nil {
			return err
		}
	}
	for i, v := range s.Volumes {
		if err := c.bind(path{"services", name, "volumes", strconv.Itoa(i)}, name, i, v); err != nil {
			return err
		}
	}
	for i := range s.PreStart {
		if err := c.hook(path{"services", name, "pre_start", strconv.Itoa(i)}, s, hookService(s, i)); err != nil {
			return err
		}
	}
	return nil
}

// hook reads what a pre_start hook has besides what it has from its service.
func (c *collector) hook(at path, s, hook types.ServiceConfig) error {
	own := hook
	own.Volumes = nil
	if err := c.service(own.Name, own); err != nil {
		return err
	}
	for i, v := range hook.Volumes {
		if ownVolume(s, hook, i) {
			if err := c.bind(at.with("volumes"), hook.Name, i, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// object reads a config or secret, from wherever the file says.
func (c *collector) object(group, name string, o types.FileObjectConfig) error {
	a := Asset{Key: "config/" + name, Secret: group == "secrets"}
	if a.Secret {
		a.Key = "secret/" + name
	}
	if bool(o.External) || c.used[a.Key] {
		return nil
	}
	c.used[a.Key] = true
	at := path{group, name}
	f := AssetFile{Path: name}
	switch {
	case o.File != "":
		return c.file(a, at.with("file"), name, o.File)
	case o.Environment != "":
		value, ok := c.project.Environment[o.Environment]
		if !ok {
			return c.project.Source.fault(at.with("environment"), fmt.Sprintf("the variable %s is not set", o.Environment))
		}
		f.Data = []byte(value)
		at = at.with("environment")
	default:
		f.Data = []byte(o.Content)
		at = at.with("content")
	}
	a.Files = []AssetFile{f}
	return c.add(a, at)
}

// file reads the one file of a config or secret.
func (c *collector) file(a Asset, at path, name, source string) error {
	data, err := readAsset(source)
	if err != nil {
		return c.project.Source.fault(at, c.project.show(source)+": "+err.Error())
	}
	a.Files = []AssetFile{{Path: name, Data: data}}
	return c.add(a, at)
}

// bind reads the file or folder of a bind mount. What Check refuses is not read.
func (c *collector) bind(at path, service string, i int, v types.ServiceVolumeConfig) error {
	if v.Type != types.VolumeTypeBind || c.project.outside(v.Source) != "" {
		return nil
	}
	a := Asset{Key: fmt.Sprintf("bind/%s/%d", service, i)}
	info, err := os.Stat(v.Source)
	if errors.Is(err, fs.ErrNotExist) {
		return c.project.Source.fault(at, fmt.Sprintf("%s: no such file or folder; create it, or use a named volume for what the service writes", c.project.show(v.Source)))
	}
	if err == nil && info.IsDir() {
		a.Files, err = c.folder(v.Source)
	} else if err == nil {
		var data []byte
		data, err = readAsset(v.Source)
		a.Files = []AssetFile{{Path: filepath.Base(v.Source), Mode: assetMode(info), Data: data}}
	}
	if err != nil {
		return c.project.Source.fault(at, c.project.show(v.Source)+": "+plainCause(err).Error())
	}
	return c.add(a, at)
}

// add takes an asset unless the project grows too large.
func (c *collector) add(a Asset, at path) error {
	for _, f := range a.Files {
		if len(f.Data) > maxAssetFile {
			return c.project.Source.fault(at, fmt.Sprintf("%s: %s", f.Path, errTooLarge))
		}
		c.bytes += len(f.Data)
	}
	if c.bytes > maxAssets {
		return c.project.Source.fault(at, fmt.Sprintf("the files of the project are more than %d MiB together; put large ones into the image or a volume", maxAssets>>20))
	}
	c.assets = append(c.assets, a)
	return nil
}

var errTooLarge = errors.New("is larger than 1 MiB, the most a shipped file may have; put it into the image or a volume")

// readAsset reads one regular file, following a link to it.
func readAsset(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, plainCause(err)
	case info.IsDir():
		return nil, errors.New("is a folder; name a file")
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	case info.Size() > maxAssetFile:
		return nil, errTooLarge
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, plainCause(err)
	}
	return data, nil
}

// folder reads every file below dir. A link is followed to a file inside the
// project and refused when it leads out of it.
func (c *collector) folder(dir string) ([]AssetFile, error) {
	var files []AssetFile
	bytes := c.bytes
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		f, err := c.inFolder(name)
		if err != nil {
			return fmt.Errorf("%s %w", rel, err)
		}
		f.Path = filepath.ToSlash(rel)
		files = append(files, f)
		if len(files) > maxAssetFiles {
			return fmt.Errorf("the folder has more than %d files; put them into the image", maxAssetFiles)
		}
		if bytes += len(f.Data); bytes > maxAssets {
			return fmt.Errorf("the files of the project are more than %d MiB together; put large ones into the image or a volume", maxAssets>>20)
		}
		return nil
	})
	slices.SortFunc(files, func(a, b AssetFile) int { return cmp.Compare(a.Path, b.Path) })
	return files, err
}

// inFolder reads one file of a folder.
func (c *collector) inFolder(name string) (AssetFile, error) {
	if why := c.project.outside(name); why != "" {
		return AssetFile{}, errors.New(why)
	}
	data, err := readAsset(name)
	if err != nil {
		return AssetFile{}, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return AssetFile{}, plainCause(err)
	}
	return AssetFile{Mode: assetMode(info), Data: data}, nil
}

// assetMode keeps whether a file can be run; all may read it, as the copy
// belongs to root and the service may be any user.
func assetMode(info fs.FileInfo) fs.FileMode {
	if info.Mode()&0o111 != 0 {
		return 0o555
	}
	return 0o444
}

// clockFiles are the machine's own that many files mount for the time of day.
// They are no secret and small: a copy goes along.
var clockFiles = []string{"/etc/localtime", "/etc/timezone"}

// outside says why a path is not one of the project's files; "" if it is.
func (p *Project) outside(name string) string {
	if slices.Contains(clockFiles, name) {
		return ""
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		real = filepath.Clean(name)
	}
	root, err := filepath.EvalSymlinks(p.WorkingDir)
	if err != nil {
		root = p.WorkingDir
	}
	rel, err := filepath.Rel(root, real)
	if err != nil || !filepath.IsLocal(rel) {
		return "lies outside the project folder"
	}
	if info, err := os.Stat(real); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return "is a socket, pipe or device"
	}
	return ""
}

// show shortens a path below the project's folder.
func (p *Project) show(name string) string {
	if rel, err := filepath.Rel(p.WorkingDir, name); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return name
}
