package compose

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"nagi.dev/api/v1alpha1"
)

// reservedLabels are set by Kubernetes on pods; a copy would confuse it.
var reservedLabels = []string{
	v1alpha1.ManagedByLabel, "pod-template-hash", "pod-template-generation",
	"controller-revision-hash", "controller-uid", "job-name",
}

// markFrom adds the labels of a compose file to meta: as a label what is a
// valid one, else as an annotation. Marks of Nagi and Kubernetes stay as they
// are; what cannot even be an annotation is left out.
func markFrom(meta *metav1.ObjectMeta, labels map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		switch value := labels[key]; {
		case !freeKey(key):
		case len(validation.IsValidLabelValue(value)) == 0:
			meta.Labels = withMark(meta.Labels, key, value)
		default:
			meta.Annotations = withMark(meta.Annotations, key, value)
		}
	}
}

// annotateFrom adds the annotations of a compose file to meta.
func annotateFrom(meta *metav1.ObjectMeta, annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if freeKey(key) {
			meta.Annotations = withMark(meta.Annotations, key, annotations[key])
		}
	}
}

// freeKey tells whether a compose file may set the label or annotation key.
func freeKey(key string) bool {
	prefix, _, _ := strings.Cut(key, "/")
	return len(validation.IsQualifiedName(key)) == 0 &&
		prefix != "nagi.dev" && !strings.HasSuffix(prefix, ".nagi.dev") &&
		prefix != "batch.kubernetes.io" && prefix != "apps.kubernetes.io" &&
		!slices.Contains(reservedLabels, key)
}

func withMark(marks map[string]string, key, value string) map[string]string {
	if marks == nil {
		marks = map[string]string{}
	}
	marks[key] = value
	return marks
}
