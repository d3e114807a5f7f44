package graft

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// An Op is one operation of a JSON patch (RFC 6902).
type Op struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// Patch puts into a pod what the rules that select it say, in the order of
// their kinds and names. What the pod has already is not put in twice. What
// cannot be put in is told in refused, and the rest goes in.
func Patch(pod *corev1.Pod, namespace string, rules []Rule) (ops []Op, refused []string) {
	b := &patcher{pod: pod.DeepCopy(), marks: Marks(pod.Annotations[Annotation])}
	rules = slices.Clone(rules)
	slices.SortFunc(rules, func(x, y Rule) int {
		return strings.Compare(x.Kind+" "+x.Name, y.Kind+" "+y.Name)
	})
	for _, r := range rules {
		if !r.Selects(namespace, pod.Labels) || b.has(r) {
			continue
		}
		if why := conflict(b.pod, r); why != "" {
			refused = append(refused, fmt.Sprintf("%s %s is not put in: %s", r.Kind, r.Name, why))
			continue
		}
		b.add(r)
	}
	return b.finish(), refused
}

// conflict says why r cannot go into the pod.
func conflict(pod *corev1.Pod, r Rule) string {
	if share := pod.Spec.ShareProcessNamespace; r.Graft.ShareProcesses && share != nil && !*share {
		return "the pod says shareProcessNamespace: false"
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == r.Container() {
			return "the pod has a container of the name " + c.Name
		}
	}
	return ""
}

// A patcher collects what changes a pod, and keeps the pod as it becomes.
type patcher struct {
	pod   *corev1.Pod
	front int // containers put before the pod's own so far
	marks []Mark
	added bool
	ops   []Op
}

func (b *patcher) has(r Rule) bool {
	return slices.ContainsFunc(b.marks, func(m Mark) bool { return m.Kind == r.Kind && m.Name == r.Name }) &&
		slices.ContainsFunc(b.pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == r.Container() })
}

func (b *patcher) op(path string, value any) {
	b.ops = append(b.ops, Op{"add", path, value})
}

func (b *patcher) add(r Rule) {
	g := r.Graft
	port := strconv.Itoa(firstAdminPort + len(b.marks))
	for i, s := range g.Steps {
		b.container(prepared(s, Name(r.Kind, r.Name, fmt.Sprintf("step%d", i+1)), port, b.user(g)), g.After)
	}
	side := prepared(g.Sidecar, r.Container(), port, b.user(g))
	side.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	b.container(side, g.After)
	for _, v := range g.Volumes {
		b.volume(v)
	}
	for _, m := range g.Share {
		b.share("containers", b.pod.Spec.Containers, m)
		b.share("initContainers", b.pod.Spec.InitContainers, m)
	}
	if g.ShareProcesses && !b.pod.Spec.HostPID && b.pod.Spec.ShareProcessNamespace == nil {
		b.pod.Spec.ShareProcessNamespace = new(true)
		b.op("/spec/shareProcessNamespace", true)
	}
	b.marks = slices.DeleteFunc(b.marks, func(m Mark) bool { return m.Kind == r.Kind && m.Name == r.Name })
	b.marks = append(b.marks, r.Mark())
	b.added = true
}

// user of the pod's first container, where g wants the same.
func (b *patcher) user(g Graft) *int64 {
	if !g.SameUser || len(b.pod.Spec.Containers) == 0 {
		return nil
	}
	if c := b.pod.Spec.Containers[0].SecurityContext; c != nil && c.RunAsUser != nil {
		return c.RunAsUser
	}
	if p := b.pod.Spec.SecurityContext; p != nil && p.RunAsUser != nil {
		return p.RunAsUser
	}
	return new(int64(0))
}

// prepared is c as it stands in the pod.
func prepared(c corev1.Container, name, port string, user *int64) corev1.Container {
	c = *c.DeepCopy()
	c.Name = name
	fill := func(all []string) {
		for i := range all {
			all[i] = strings.ReplaceAll(all[i], AdminPort, port)
		}
	}
	fill(c.Command)
	fill(c.Args)
	for _, p := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe} {
		if p != nil && p.Exec != nil {
			fill(p.Exec.Command)
		}
	}
	if user != nil {
		s := c.SecurityContext
		if s == nil {
			s = &corev1.SecurityContext{}
			c.SecurityContext = s
		}
		s.RunAsUser, s.RunAsNonRoot = user, new(*user != 0)
	}
	return c
}

func (b *patcher) container(c corev1.Container, after bool) {
	if b.pod.Spec.InitContainers == nil {
		b.op("/spec/initContainers", []corev1.Container{})
	}
	list := b.pod.Spec.InitContainers
	if after {
		b.op("/spec/initContainers/-", c)
		b.pod.Spec.InitContainers = append(list, c)
		return
	}
	b.op(fmt.Sprintf("/spec/initContainers/%d", b.front), c)
	b.pod.Spec.InitContainers = slices.Insert(list, b.front, c)
	b.front++
}

func (b *patcher) volume(v corev1.Volume) {
	if slices.ContainsFunc(b.pod.Spec.Volumes, func(have corev1.Volume) bool { return have.Name == v.Name }) {
		return
	}
	if b.pod.Spec.Volumes == nil {
		b.op("/spec/volumes", []corev1.Volume{})
	}
	b.op("/spec/volumes/-", v)
	b.pod.Spec.Volumes = append(b.pod.Spec.Volumes, v)
}

// share mounts m in the containers of the pod's own.
func (b *patcher) share(field string, list []corev1.Container, m corev1.VolumeMount) {
	for i := range list {
		c := &list[i]
		if field == "initContainers" && strings.HasPrefix(c.Name, "nagi-") ||
			slices.ContainsFunc(c.VolumeMounts, func(have corev1.VolumeMount) bool { return have.MountPath == m.MountPath }) {
			continue
		}
		at := fmt.Sprintf("/spec/%s/%d/volumeMounts", field, i)
		if c.VolumeMounts == nil {
			b.op(at, []corev1.VolumeMount{})
		}
		b.op(at+"/-", m)
		c.VolumeMounts = append(c.VolumeMounts, m)
	}
}

// finish notes in the pod's annotation what was put in.
func (b *patcher) finish() []Op {
	if !b.added {
		return nil
	}
	if b.pod.Annotations == nil {
		b.op("/metadata/annotations", map[string]string{})
	}
	b.op("/metadata/annotations/"+strings.ReplaceAll(Annotation, "/", "~1"), text(b.marks))
	return b.ops
}
