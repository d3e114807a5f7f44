package graft

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Plane is a container of nagi-plane, as the strictest pod security admits it.
func Plane(image string, args ...string) corev1.Container {
	return corev1.Container{
		Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
		Args: args,
		SecurityContext: &corev1.SecurityContext{
			RunAsUser: new(int64(65532)), RunAsNonRoot: new(true), ReadOnlyRootFilesystem: new(true),
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("5m"), corev1.ResourceMemory: resource.MustParse("12Mi"),
		}},
	}
}
