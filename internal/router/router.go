package router

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"nagi.dev/internal/graft"
)

// A Router is asked for by an object of a pattern. All fields but Secret and
// Type are required.
type Router struct {
	Kind, Namespace, Name string // of the object: "ReplicatedService", "shop", "web"
	Door                  graft.Door
	Path                  string // of its document at the door
	Audience              string
	Labels                map[string]string // on everything
	Replicas              int32
	Port                  int32              // of the Service
	Listen                int32              // of the pods
	Type                  corev1.ServiceType // "": ClusterIP
	Secret                string             // mounted at TLSDir; "": none
}

// TLSDir is where a router finds the certificate that it shows.
const TLSDir = "/nagi/tls"

// Deployment is the name of the router's pods.
func (r Router) Deployment() string { return r.Name + "-router" }

// Objects are the Deployment and the Service.
func (r Router) Objects() (*appsv1.Deployment, *corev1.Service) {
	c, volumes := r.container()
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: r.Namespace, Labels: r.Labels}
	}
	selector := map[string]string{"nagi.dev/router": r.Name}
	pods := map[string]string{"nagi.dev/router": r.Name}
	for k, v := range r.Labels {
		pods[k] = v
	}
	d := &appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: meta(r.Deployment()),
		Spec: appsv1.DeploymentSpec{
			Replicas: &r.Replicas, Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: pods},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{c}, Volumes: volumes, AutomountServiceAccountToken: new(false), EnableServiceLinks: new(false),
					TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
						MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
						LabelSelector: &metav1.LabelSelector{MatchLabels: selector},
					}},
				},
			},
		},
	}
	s := &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: meta(r.Name),
		Spec: corev1.ServiceSpec{
			Type: r.Type, Selector: selector,
			Ports: []corev1.ServicePort{{Name: "front", Port: r.Port, TargetPort: intstr.FromInt32(r.Listen), Protocol: corev1.ProtocolTCP}},
		},
	}
	if s.Spec.Type == "" {
		s.Spec.Type = corev1.ServiceTypeClusterIP
	}
	return d, s
}

// leaving is how long a router serves after it was asked to end: so long its
// address may still be known.
const leaving = 3

func (r Router) container() (corev1.Container, []corev1.Volume) {
	c, volumes := r.Door.Follow(r.Kind, r.Name, r.Path, r.Audience)
	c.Name = "router"
	c = graft.WithAdminPort(c)
	c.StartupProbe = nil // it is ready once it listens, which takes a document
	c.ReadinessProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(r.Listen)}},
		PeriodSeconds: 1, FailureThreshold: 3,
	}
	c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: leaving}}}
	c.Ports = []corev1.ContainerPort{{Name: "front", ContainerPort: r.Listen, Protocol: corev1.ProtocolTCP}}
	if r.Secret != "" {
		v := corev1.Volume{Name: "tls"}
		v.Secret = &corev1.SecretVolumeSource{SecretName: r.Secret}
		volumes = append(volumes, v)
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: v.Name, MountPath: TLSDir, ReadOnly: true})
	}
	return c, volumes
}
