package ambassador

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
)

// Kind is how a document of this room is called in the stream.
const Kind = "ambassador"

// Rule says what a puts into which pods. What the planes do is not part of it:
// that comes as a document, and pods stay as they are when it changes.
func Rule(a *v1alpha1.Ambassador, door graft.Door) (graft.Rule, error) {
	r := graft.Rule{Kind: "Ambassador", Namespace: a.Namespace, Name: a.Name, Selector: a.Spec.Selector}
	if _, err := metav1.LabelSelectorAsSelector(&r.Selector); err != nil {
		return r, fmt.Errorf("spec.selector: %w", err)
	}
	if err := check(a.Spec); err != nil {
		return r, err
	}
	c, volumes := door.Follow(r.Kind, a.Name, "/v1/planes/"+a.Namespace+"/"+Kind+"/"+a.Name, v1alpha1.Audience)
	r.Graft = graft.Graft{After: a.Spec.Order == "after", Sidecar: c, Volumes: volumes, Listens: true}
	if b := a.Spec.Broker; b != nil {
		secrets(&r.Graft, a.Name, b.Backends)
	}
	return r, nil
}

// check tells of what would be dropped in silence.
func check(s v1alpha1.AmbassadorSpec) error {
	if s.Broker == nil || s.Protocol == "redis" {
		return nil
	}
	for i, b := range s.Broker.Backends {
		if b.Password != nil || b.Username != "" || b.Database != 0 {
			return fmt.Errorf("spec.broker.backends[%d]: only redis has username, password and database", i)
		}
	}
	return nil
}

// secrets mounts the password of every backend: the environment may change
// while the pod runs. One that is not there holds no pod back.
func secrets(g *graft.Graft, name string, backends []v1alpha1.BrokerBackend) {
	for i, b := range backends {
		if b.Password == nil {
			continue
		}
		v := corev1.Volume{Name: graft.Name("Ambassador", name, fmt.Sprintf("backend%d", i))}
		v.Secret = &corev1.SecretVolumeSource{
			SecretName: b.Password.Name, Optional: new(true),
			Items: []corev1.KeyToPath{{Key: b.Password.Key, Path: b.Password.Key}},
		}
		g.Volumes = append(g.Volumes, v)
		g.Sidecar.VolumeMounts = append(g.Sidecar.VolumeMounts, corev1.VolumeMount{Name: v.Name, MountPath: "/nagi/backends/" + b.Environment, ReadOnly: true})
	}
}
