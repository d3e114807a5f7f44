package compose

import (
	"encoding/json"
	"fmt"
	slashpath "path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
)

// An owned thing is a file or folder whose owner or mode Kubernetes cannot set
// by itself: nagi-plane does so before the containers begin.
type owned struct {
	volume string // the folder in memory
	source string // the volume with the file to copy into it; "": volume itself is meant
	uid    int64
	gid    int64
	mode   int32 // permissions, with the sticky bit as 01000
}

// ownedVolume is the folder in memory that a pod's owned files are copied to.
const ownedVolume = "nagi-owned"

// ownFile mounts a copy of the file that the set has at target, which belongs
// to somebody else than root.
func (set *mountSet) ownFile(target, uid, gid string, mode int32) {
	u, g := numericID(uid), numericID(gid)
	if u == nil && g == nil {
		return
	}
	at := slices.IndexFunc(set.mounts, func(m corev1.VolumeMount) bool { return m.MountPath == slashpath.Clean(target) })
	if at < 0 {
		return
	}
	source := set.mounts[at].Name
	set.owned = append(set.owned, owned{volume: ownedVolume, source: source, uid: orZero(u), gid: orZero(g), mode: mode})
	set.mounts[at].Name, set.mounts[at].SubPath = ownedVolume, source
	if !slices.ContainsFunc(set.volumes, func(v corev1.Volume) bool { return v.Name == ownedVolume }) {
		set.volumes = append(set.volumes, memory(ownedVolume, 0))
	}
}

// ownFolder gives a folder in memory another mode or owner than 0777 and root.
func (set *mountSet) ownFolder(volume string, mode int32, uid, gid int64) {
	if mode == openMode && uid == 0 && gid == 0 {
		return
	}
	set.owned = append(set.owned, owned{volume: volume, uid: uid, gid: gid, mode: mode})
}

// openMode is the mode of a folder in memory when nobody says otherwise.
const openMode = 0o777

func orZero(id *int64) int64 {
	if id == nil {
		return 0
	}
	return *id
}

// addOwned puts the init container into a pod that does what the set asks.
func (m *maker) addOwned(pod *corev1.PodSpec, set mountSet) {
	if len(set.owned) == 0 {
		return
	}
	number := 0
	for _, c := range pod.InitContainers {
		if strings.HasPrefix(c.Name, "nagi-place") {
			number++
		}
	}
	c := rootContainer("nagi-place-" + strconv.Itoa(number))
	c.Image, c.ImagePullPolicy, c.Args = m.plane, corev1.PullIfNotPresent, []string{"place"}
	mount := func(name string) string {
		at := "/place/" + name
		if !slices.ContainsFunc(c.VolumeMounts, func(v corev1.VolumeMount) bool { return v.Name == name }) {
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: at})
		}
		return at
	}
	for _, o := range set.owned {
		step := placeStep{To: mount(o.volume), UID: o.uid, GID: o.gid, Mode: fmt.Sprintf("%04o", o.mode)}
		if o.source != "" {
			step.To += "/" + o.source
			step.From = mount(o.source) + "/" + mountedFile
		}
		c.Args = append(c.Args, step.text())
	}
	pod.InitContainers = append(pod.InitContainers, c)
}

// A placeStep is what nagi-plane reads as one argument of its command place.
type placeStep struct {
	From string `json:"from,omitempty"` // "": To is there already
	To   string `json:"to"`
	UID  int64  `json:"uid"`
	GID  int64  `json:"gid"`
	Mode string `json:"mode"` // octal
}

func (p placeStep) text() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("marshal step: %v", err)) // strings and numbers always marshal
	}
	return string(text)
}

// judgeOwner looks at the uid or gid of a config or secret.
func judgeOwner(a attribute) (Verdict, string) {
	if numericID(a.text) == nil {
		return Refused, "an owner is a number; write the number of the user or group"
	}
	return Applied, ""
}

// tmpfsOptions are those of a folder in memory: "size=64m,mode=1777,uid=33".
type tmpfsOptions struct {
	mode     int32
	uid, gid int64
	other    []string // what Kubernetes has nothing for
}

func parseTmpfs(options string) tmpfsOptions {
	o := tmpfsOptions{mode: tmpfsMode}
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(option), "=")
		number := int64(-1)
		switch key {
		case "", "rw", "size":
			continue
		case "mode":
			number, _ = strconv.ParseInt(value, 8, 32)
			o.mode = int32(number & 0o7777)
			continue
		case "uid", "gid":
			if id := numericID(value); id != nil {
				number = *id
			}
		}
		switch {
		case number >= 0 && key == "uid":
			o.uid = number
		case number >= 0 && key == "gid":
			o.gid = number
		default:
			o.other = append(o.other, option)
		}
	}
	return o
}

// tmpfsMode is that of a tmpfs whose options name none. Docker's is 01777,
// which does what Kubernetes' 0777 does for all but foreign files in it.
const tmpfsMode = openMode

func judgeTmpfs(a attribute) (Verdict, string) {
	_, options, _ := strings.Cut(a.text, ":")
	if other := parseTmpfs(options).other; len(other) > 0 {
		return Approximated, fmt.Sprintf("left out: Kubernetes mounts it without %s", strings.Join(other, ", "))
	}
	return Applied, ""
}

// judgeSpace looks at the namespaces that a pod may share with the machine.
func judgeSpace(what string) func(attribute) (Verdict, string) {
	other := judgeShared(what)
	return func(a attribute) (Verdict, string) {
		if a.text == "host" {
			return Applied, ""
		}
		if strings.Contains(a.text, ":") {
			return judgeJoin(a, what)
		}
		return other(a)
	}
}

// setSpaces shares the machine's namespaces with a pod, or those of its services
// with one another, and gives it an init:
// with one space of process numbers in the pod, its pause process is number 1.
// It reaps orphans, and signals reach the command as they reach any program.
func (m *maker) setSpaces(pod *corev1.PodSpec, s types.ServiceConfig, mates []types.ServiceConfig) {
	pod.HostPID, pod.HostIPC = s.Pid == "host", s.Ipc == "host"
	oneSpace := func(mate types.ServiceConfig) bool {
		return mate.Init != nil && *mate.Init || joined(m.project, mate.Pid) != ""
	}
	if slices.ContainsFunc(mates, oneSpace) && !pod.HostPID {
		pod.ShareProcessNamespace = new(true)
	}
}
