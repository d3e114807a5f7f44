package cli

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"nagi.dev/compose"
)

func TestNeedsPrivilege(t *testing.T) {
	yes := true
	unmasked := corev1.UnmaskedProcMount
	contain := func(c corev1.Container) corev1.PodSpec { return corev1.PodSpec{Containers: []corev1.Container{c}} }
	secure := func(s corev1.SecurityContext) corev1.PodSpec { return contain(corev1.Container{SecurityContext: &s}) }
	caps := func(add ...corev1.Capability) corev1.PodSpec {
		return secure(corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: add}})
	}
	sysctl := func(name string) corev1.PodSpec {
		return corev1.PodSpec{SecurityContext: &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: name}}}}
	}
	for _, tt := range []struct {
		name string
		pod  corev1.PodSpec
		want bool
	}{
		{"an ordinary pod does not", contain(corev1.Container{}), false},
		{"a privileged container does", secure(corev1.SecurityContext{Privileged: &yes}), true},
		{"so does a privileged init container", corev1.PodSpec{InitContainers: secure(corev1.SecurityContext{Privileged: &yes}).Containers}, true},
		{"capabilities of baseline do not", caps("CHOWN", "NET_BIND_SERVICE"), false},
		{"others do", caps("CHOWN", "NET_ADMIN"), true},
		{"all of them do", caps("ALL"), true},
		{"a host port does", contain(corev1.Container{Ports: []corev1.ContainerPort{{HostPort: 80}}}), true},
		{"the host's network does", corev1.PodSpec{HostNetwork: true}, true},
		{"a folder of the host does", corev1.PodSpec{Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}}}}, true},
		{"a safe sysctl does not", sysctl("net.ipv4.tcp_keepalive_time"), false},
		{"another does", sysctl("net.core.somaxconn"), true},
		{"no seccomp does", secure(corev1.SecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}}), true},
		{"an unmasked /proc does", secure(corev1.SecurityContext{ProcMount: &unmasked}), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template := corev1.PodTemplateSpec{Spec: tt.pod}
			for _, o := range []compose.Object{
				&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: template}},
				&appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: template}},
				&appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Template: template}},
				&batchv1.Job{Spec: batchv1.JobSpec{Template: template}},
			} {
				if got := needsPrivilege([]compose.Object{&corev1.Service{}, o}); got != tt.want {
					t.Errorf("%T: needsPrivilege = %v, want %v", o, got, tt.want)
				}
			}
		})
	}
}
