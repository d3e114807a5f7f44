package graft

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"nagi.dev/internal/version"
)

// A Rule says which pods of a namespace get a Graft.
type Rule struct {
	Kind, Namespace, Name string // "Sidecar", "shop", "tls"
	Selector              metav1.LabelSelector
	Graft                 Graft
}

// Selects tells whether a pod of this namespace with these labels gets it. A
// selector that selects everything, or is none, selects nothing.
func (r Rule) Selects(namespace string, pod map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(&r.Selector)
	return err == nil && !s.Empty() && namespace == r.Namespace && s.Matches(labels.Set(pod))
}

// A Graft is what goes into a pod.
type Graft struct {
	After   bool               // after the pod's own init containers, not before them
	Steps   []corev1.Container // run to their end before Sidecar starts
	Sidecar corev1.Container   // runs beside the pod's containers; its restart policy is set here
	Volumes []corev1.Volume

	// Share is mounted in every container of the pod that has nothing at the
	// path.
	Share []corev1.VolumeMount

	ShareProcesses bool // one PID namespace for the whole pod

	// SameUser runs Steps and Sidecar as the user of the pod's first container,
	// as signals and files between them need; else as what they say themselves.
	SameUser bool
}

// AdminPort, in arguments and probes of a Graft, becomes the number of a port
// of 127.0.0.1 that is the graft's own within its pod.
const AdminPort = "NAGI_ADMIN_PORT"

// firstAdminPort is that of the first graft in a pod.
const firstAdminPort = 15900

// Annotation, on pods, says what was put into them: Marks, as JSON.
const Annotation = "nagi.dev/injected"

// A Mark is what a pod's annotation says of one graft.
type Mark struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Hash      string `json:"hash"` // of the graft, images left out
	Container string `json:"container"`
	Image     string `json:"image"`
	Nagi      string `json:"nagi"` // the version that put it in
}

// Mark is what a pod says that has r now.
func (r Rule) Mark() Mark {
	return Mark{Kind: r.Kind, Name: r.Name, Hash: r.Graft.hash(), Container: r.Container(), Image: r.Graft.Sidecar.Image, Nagi: version.Version}
}

// hash is of everything but the images, which can be changed in a running pod.
func (g Graft) hash() string {
	g.Sidecar.Image = ""
	steps := make([]corev1.Container, len(g.Steps))
	for i, s := range g.Steps {
		s.Image = ""
		steps[i] = s
	}
	g.Steps = steps
	return Hash(g)
}

// Hash is a short name of a value that becomes JSON.
func Hash(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a value of ours that is no JSON
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:5])
}

// Container is the name of the sidecar's container in the pod.
func (r Rule) Container() string { return Name(r.Kind, r.Name, "") }

// Name is the name of a container or volume of an object: each has its own.
func Name(kind, name, suffix string) string {
	n := "nagi-" + strings.ToLower(kind) + "-" + strings.ReplaceAll(name, ".", "-")
	if suffix != "" {
		n += "-" + suffix
	}
	if len(n) <= 63 {
		return n
	}
	return n[:52] + "-" + Hash(n)
}

// Marks reads what a pod's annotation says; nothing when it is none of ours.
func Marks(annotation string) []Mark {
	var m []Mark
	if json.Unmarshal([]byte(annotation), &m) != nil {
		return nil
	}
	return m
}

// text is marks as the annotation has them.
func text(marks []Mark) string {
	b, err := json.Marshal(marks)
	if err != nil {
		panic(err) // a list of strings is JSON
	}
	return string(b)
}
