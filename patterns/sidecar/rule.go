package sidecar

import (
	"bytes"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
)

const kind = "Sidecar"

// Rule says what s puts into which pods; plane is the image of nagi-plane. It
// returns an error when the spec asks for what cannot be.
func Rule(s *v1alpha1.Sidecar, plane string) (graft.Rule, error) {
	r := graft.Rule{Kind: kind, Namespace: s.Namespace, Name: s.Name, Selector: s.Spec.Selector}
	if _, err := metav1.LabelSelectorAsSelector(&r.Selector); err != nil {
		return r, fmt.Errorf("spec.selector: %w", err)
	}
	var err error
	switch use := s.Spec.Use; {
	case use.ConfigSync != nil:
		r.Graft = configSync(s.Name, use.ConfigSync, plane)
	case use.Topz != nil:
		r.Graft = topz(use.Topz, plane)
	case use.Container != nil:
		r.Graft, err = container(s.Name, use.Container)
	default:
		err = fmt.Errorf("spec.use: set one of configSync, topz and container")
	}
	r.Graft.After = s.Spec.Order == "after"
	return r, err
}

// useOf names the field of spec.use that is set.
func useOf(s *v1alpha1.Sidecar) string {
	switch use := s.Spec.Use; {
	case use.ConfigSync != nil:
		return "configSync"
	case use.Topz != nil:
		return "topz"
	}
	return "container"
}

func topz(t *v1alpha1.Topz, plane string) graft.Graft {
	port := t.Port
	if port == 0 {
		port = 8077
	}
	c := graft.Plane(plane, "topz", fmt.Sprintf("--port=%d", port))
	c.Ports = []corev1.ContainerPort{{ContainerPort: port, Protocol: corev1.ProtocolTCP}}
	return graft.Graft{Sidecar: c, ShareProcesses: true}
}

// The folders of a sync sidecar.
const (
	fromDir = "/nagi/from"
	toDir   = "/nagi/to"
)

// configSync copies the files once before the pod's containers start, and
// keeps them so after that.
func configSync(name string, c *v1alpha1.ConfigSync, plane string) graft.Graft {
	to := graft.Name(kind, name, "files")
	g := graft.Graft{
		Volumes: []corev1.Volume{{Name: to, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		Share:   []corev1.VolumeMount{{Name: to, MountPath: c.Path}},
	}
	args := []string{"sync", "--to=" + toDir}
	mounts := []corev1.VolumeMount{{Name: to, MountPath: toDir}}
	if from, ok := source(graft.Name(kind, name, "from"), c); ok {
		g.Volumes = append(g.Volumes, from)
		mounts = append(mounts, corev1.VolumeMount{Name: from.Name, MountPath: fromDir, ReadOnly: true})
		args = append(args, "--from="+fromDir)
	} else {
		args = append(args, "--url="+c.URL)
		if c.Interval != "" {
			args = append(args, "--interval="+c.Interval)
		}
	}
	if c.Secret != "" { // it must not reach a disk
		g.Volumes[0].EmptyDir.Medium = corev1.StorageMediumMemory
	}
	once := graft.Plane(plane, append(args, "--once")...)
	once.VolumeMounts = mounts
	g.Steps = []corev1.Container{once}
	if s := c.Signal; s != nil {
		signal := s.Signal
		if signal == "" {
			signal = "HUP"
		}
		args = append(args, "--process="+s.Process, "--signal="+signal)
		g.ShareProcesses, g.SameUser = true, true
	}
	if c.Reload != "" {
		args = append(args, "--reload="+c.Reload)
	}
	g.Sidecar = graft.Plane(plane, args...)
	g.Sidecar.VolumeMounts = mounts
	return g
}

// source is the volume that the files come from; a URL has none.
func source(name string, c *v1alpha1.ConfigSync) (corev1.Volume, bool) {
	v := corev1.Volume{Name: name}
	switch {
	case c.ConfigMap != "":
		v.ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: c.ConfigMap}}
	case c.Secret != "":
		v.Secret = &corev1.SecretVolumeSource{SecretName: c.Secret}
	default:
		return v, false
	}
	return v, true
}

// container is one of the user's own.
func container(name string, u *v1alpha1.SidecarContainer) (graft.Graft, error) {
	g := graft.Graft{ShareProcesses: u.ShareProcesses}
	dec := json.NewDecoder(bytes.NewReader(u.Spec.Raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&g.Sidecar); err != nil {
		return g, fmt.Errorf("spec.use.container.spec: %w", err)
	}
	switch c := g.Sidecar; {
	case c.Image == "":
		return g, fmt.Errorf("spec.use.container.spec.image: is required")
	case c.RestartPolicy != nil && *c.RestartPolicy != corev1.ContainerRestartPolicyAlways:
		return g, fmt.Errorf("spec.use.container.spec.restartPolicy: leave it out; a sidecar always restarts")
	case c.Name != "":
		return g, fmt.Errorf("spec.use.container.spec.name: leave it out; it is %s", graft.Name(kind, name, ""))
	}
	for _, s := range u.Share {
		v := graft.Name(kind, name, s.Name)
		m := corev1.VolumeMount{Name: v, MountPath: s.Path}
		g.Volumes = append(g.Volumes, corev1.Volume{Name: v, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		g.Share = append(g.Share, m)
		g.Sidecar.VolumeMounts = append(g.Sidecar.VolumeMounts, m)
	}
	return g, nil
}
