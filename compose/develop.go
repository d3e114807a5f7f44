package compose

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	slashpath "path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/patternmatcher/ignorefile"
	corev1 "k8s.io/api/core/v1"
)

// Syncer is the init container that holds a watched container back until its
// changed files are there.
const Syncer = "nagi-sync"

const gateVolume = "nagi-gate"

// SyncerOf names the Syncer of a service that runs in the pods of host.
func SyncerOf(service, host string) string { return ownName(Syncer, service, host) }

// Where a watched container finds what takes its files, and where that finds
// its marks and the folders of the container while the gate is shut.
const (
	PlaneProgram = planePath + "/nagi-plane"
	GateFolder   = "/.nagi-sync/gate"
)

// syncs tells whether a trigger brings files.
func syncs(t types.Trigger) bool {
	return t.Action == types.WatchActionSync || t.Action == types.WatchActionSyncRestart || t.Action == types.WatchActionSyncExec
}

// KeepWatch makes the project one that is watched: its containers get what
// takes changed files. Otherwise its develop sections say nothing.
func (p *Project) KeepWatch(watched bool) {
	p.watched = watched
	for name, s := range p.Services {
		if s.Develop == nil {
			continue
		}
		if watched {
			s.Develop = p.bareDevelop(*s.Develop)
		} else {
			s.Develop = nil
		}
		p.Services[name] = s
	}
}

// bareDevelop names paths relative to the project. A trigger of a folder gets
// a target that ends in a slash, so that nobody has to look at the folder.
func (p *Project) bareDevelop(d types.DevelopConfig) *types.DevelopConfig {
	out := &types.DevelopConfig{}
	for _, t := range d.Watch {
		if info, err := os.Stat(t.Path); err == nil && info.IsDir() && t.Target != "" {
			t.Target = strings.TrimRight(t.Target, "/") + "/"
		}
		t.Path, t.Extensions = p.bareSource(t.Path), nil
		out.Watch = append(out.Watch, t)
	}
	return out
}

// Folders returns the folders of a watched container that have to outlive it,
// because a trigger brings files to them and starts the container again.
func Folders(s types.ServiceConfig) []string {
	if s.Develop == nil || !slices.ContainsFunc(s.Develop.Watch, func(t types.Trigger) bool { return t.Action == types.WatchActionSyncRestart }) {
		return nil
	}
	var all []string
	for _, t := range s.Develop.Watch {
		if !syncs(t) || !slashpath.IsAbs(t.Target) {
			continue
		}
		dir := slashpath.Clean(t.Target)
		if !strings.HasSuffix(t.Target, "/") {
			dir = slashpath.Dir(dir)
		}
		if dir != "/" {
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(slices.Clone(all), func(dir string) bool { // what lies in another is there with it
		return slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(dir, other+"/") })
	})
}

// addWatch mounts what takes changed files. Elsewhere nobody watches.
func (m *maker) addWatch(set *mountSet, s types.ServiceConfig) {
	if m.portable || s.Develop == nil || !slices.ContainsFunc(s.Develop.Watch, syncs) {
		return
	}
	if !set.has(planePath) {
		set.add(m.planeVolume(), corev1.VolumeMount{MountPath: planePath, ReadOnly: true})
	}
	for i, dir := range Folders(s) {
		if !set.has(dir) {
			set.add(emptyFolder(fmt.Sprintf("nagi-sync-%d", i)), corev1.VolumeMount{MountPath: dir})
		}
	}
}

// addGate holds the container back until its changed files are there.
func (m *maker) addGate(pod *corev1.PodSpec, s types.ServiceConfig, mounts mountSet) {
	folders := Folders(s)
	if m.portable || len(folders) == 0 {
		return
	}
	c := corev1.Container{
		Name: SyncerOf(m.names[s.Name], m.names[m.hostOf(s.Name)]), Image: s.Image, ImagePullPolicy: pullPolicy(s.PullPolicy),
		Command:         []string{PlaneProgram, "gate", "--dir", GateFolder},
		SecurityContext: containerSecurity(s),
		VolumeMounts: []corev1.VolumeMount{
			{Name: "nagi-plane", MountPath: planePath, ReadOnly: true}, {Name: fitName(m.volumePrefix(s) + gateVolume), MountPath: GateFolder},
		},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	for i, dir := range folders {
		name := fitName(m.volumePrefix(s) + fmt.Sprintf("nagi-sync-%d", i))
		if slices.ContainsFunc(mounts.mounts, func(m corev1.VolumeMount) bool { return m.Name == name }) {
			c.Command = append(c.Command, "--seed", dir+"="+gateFolder(i))
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: gateFolder(i)})
		}
	}
	pod.Volumes = append(pod.Volumes, emptyFolder(fitName(m.volumePrefix(s)+gateVolume)))
	pod.InitContainers = append(pod.InitContainers, c)
}

func gateFolder(i int) string { return fmt.Sprintf("/.nagi-sync/%d", i) }

// ReceiveCommand takes a tar stream into a watched container, or, while its
// gate is shut, into what will be its folders.
func ReceiveCommand(s types.ServiceConfig, gate bool) []string {
	command := []string{PlaneProgram, "receive"}
	if !gate {
		return command
	}
	command = append(command, "--gate", GateFolder)
	for i, dir := range Folders(s) {
		command = append(command, "--map", dir+"="+gateFolder(i))
	}
	return command
}

// A Trigger is one entry of develop.watch, ready to be watched.
type Trigger struct {
	Service     string // name of its objects
	Path        string // absolute, on this machine
	Action      string
	Target      string     // in the container; "" for actions that bring no files
	Ignore      []Patterns // what is not watched
	Include     Patterns   // what alone is watched; no lines: everything
	InitialSync bool
	Exec        []string // the command to run in the container; nil: none
}

// Patterns are lines of a .dockerignore, relative to Dir.
type Patterns struct {
	Dir   string
	Lines []string
}

// dockerIgnored reads the .dockerignore of a service's build context, or of the
// project's folder when it is not built.
func (p *Project) dockerIgnored(s types.ServiceConfig) (Patterns, error) {
	dir := p.WorkingDir
	if s.Build != nil && s.Build.Context != "" {
		dir = s.Build.Context
	}
	f, err := os.Open(filepath.Join(dir, ".dockerignore"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return Patterns{Dir: dir}, nil
	}
	if err != nil {
		return Patterns{}, plainCause(err)
	}
	defer f.Close() //nolint:errcheck // only read
	lines, err := ignorefile.ReadAll(io.LimitReader(f, maxIgnoreFile))
	if err != nil {
		return Patterns{}, fmt.Errorf("read .dockerignore: %w", err)
	}
	return Patterns{dir, lines}, nil
}

// maxIgnoreFile bounds how much of a .dockerignore is read, in bytes.
const maxIgnoreFile = 1 << 20

// Triggers lists what is to be watched for the services of a project, before
// KeepWatch. Patterns of .dockerignore come before those of the file.
func Triggers(p *Project) ([]Trigger, error) {
	var all []Trigger
	for _, name := range p.ServiceNames() {
		s := p.Services[name]
		if s.Develop == nil {
			continue
		}
		for i, t := range s.Develop.Watch {
			at := path{"services", name, "develop", "watch", fmt.Sprint(i)}
			if _, err := os.Stat(t.Path); err != nil {
				return nil, p.Source.fault(at.with("path"), fmt.Sprintf("%s: no such file or folder", p.show(t.Path)))
			}
			if syncs(t) && !slashpath.IsAbs(t.Target) {
				return nil, p.Source.fault(at.with("target"), fmt.Sprintf("%q: want an absolute path in the container", t.Target))
			}
			ignored, err := p.dockerIgnored(s)
			if err != nil {
				return nil, p.Source.fault(at, err.Error())
			}
			base := filepath.Clean(t.Path)
			all = append(all, Trigger{
				Service: ObjectName(name), Path: base, Action: string(t.Action), Target: t.Target,
				Ignore: []Patterns{ignored, {base, t.Ignore}}, Include: Patterns{base, t.Include}, InitialSync: t.InitialSync, Exec: execCommand(t.Exec),
			})
		}
	}
	return all, nil
}

// execCommand is what runs in a container once its files are there.
func execCommand(h types.ServiceHook) []string {
	if len(h.Command) == 0 {
		return nil
	}
	return hookCommand([]types.ServiceHook{h})
}

func judgeWatch(a attribute) (Verdict, string) {
	if a.text == string(types.WatchActionRebuild) && a.service.Build == nil {
		return Approximated, "nothing is built: the service has no build"
	}
	return Applied, "by nagi deploy --watch"
}
