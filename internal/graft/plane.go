package graft

import (
	"strconv"

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

// A Door is where planes get their documents.
type Door struct {
	Image string // of nagi-plane
	URL   string // "https://10.42.0.1:7701"
	CA    string // of its certificate, PEM
}

// The folders of a plane that follows its document.
const (
	tokenDir = "/nagi/token"
	keepDir  = "/nagi/keep"
)

// Follow is a container of nagi-plane that runs the document at path of the
// door, and the volumes that it needs. It has started once it runs a document:
// that of the door, or the one it kept.
func (d Door) Follow(kind, name, path, audience string) (corev1.Container, []corev1.Volume) {
	c := Plane(d.Image, "proxy", "--follow="+d.URL+path, "--token="+tokenDir+"/token", "--keep="+keepDir+"/document.json", "--admin=127.0.0.1:"+AdminPort)
	c.Env = []corev1.EnvVar{{Name: "NAGI_PLATFORM_CA", Value: d.CA}}
	token, kept := Name(kind, name, "token"), Name(kind, name, "keep")
	c.VolumeMounts = []corev1.VolumeMount{{Name: token, MountPath: tokenDir, ReadOnly: true}, {Name: kept, MountPath: keepDir}}
	c.StartupProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/nagi-plane", "probe", "http://127.0.0.1:" + AdminPort + "/readyz", "--status", "200-200"}}},
		PeriodSeconds: 1, TimeoutSeconds: 5, FailureThreshold: 600, SuccessThreshold: 1,
	}
	return c, []corev1.Volume{
		{Name: token, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
			ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: audience, ExpirationSeconds: new(int64(3600)), Path: "token"},
		}}}}},
		{Name: kept, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}
}

// WithAdminPort is c in a pod of its own.
func WithAdminPort(c corev1.Container) corev1.Container {
	return prepared(c, c.Name, strconv.Itoa(firstAdminPort), nil)
}
