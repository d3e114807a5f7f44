package install

import (
	"fmt"
	"io/fs"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"nagi.dev/api/crds"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/version"
	"nagi.dev/kube"
)

// Options say what is installed. The zero value installs this version under
// its own image names.
type Options struct {
	Namespace  string // of the platform; "": nagi-system
	Image      string // of the platform; "": that of this version
	PlaneImage string // of nagi-plane, in pods; "": that of this version
}

func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = Namespace
	}
	if o.Image == "" {
		o.Image = version.PlatformImage()
	}
	if o.PlaneImage == "" {
		o.PlaneImage = version.PlaneImage()
	}
	return o
}

const (
	// Namespace is where the platform lives when nobody says otherwise.
	Namespace = "nagi-system"

	name = "nagi-platform"

	// HealthPort is where the platform says that its controllers run.
	HealthPort = 15900
)

var labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, "app.kubernetes.io/name": name}

// Objects are all that the platform is on a foreign cluster, in the order to
// apply: definitions first, the program last.
func Objects(o Options) ([]kube.Object, error) {
	o = o.withDefaults()
	objs, err := definitions()
	if err != nil {
		return nil, err
	}
	return append(objs,
		&corev1.Namespace{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: o.Namespace, Labels: map[string]string{
				v1alpha1.ManagedByLabel:              v1alpha1.ManagedBy,
				"pod-security.kubernetes.io/enforce": "restricted",
			}},
		},
		&corev1.ServiceAccount{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: o.Namespace, Labels: labels},
		},
		&rbacv1.ClusterRole{
			TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
			Rules:      Rights(),
		},
		&rbacv1.ClusterRoleBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
			RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: o.Namespace}},
		},
		deployment(o),
	), nil
}

// definitions reads the kinds of Nagi, the patterns left out: nobody keeps
// those on a cluster that is not ours yet, and a kind that nobody keeps is a
// promise broken.
func definitions() ([]kube.Object, error) {
	files, err := fs.Glob(crds.FS, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("read definitions: %w", err)
	}
	var objs []kube.Object
	for _, f := range files {
		text, err := crds.FS.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read definition: %w", err)
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return nil, fmt.Errorf("read definition %s: %w", f, err)
		}
		categories, _, _ := unstructured.NestedStringSlice(crd.Object, "spec", "names", "categories")
		if !slices.Contains(categories, "patterns") {
			objs = append(objs, crd)
		}
	}
	return objs, nil
}

// deployment is the one program. Two would work against each other for the
// length of an update, so the old one ends first.
func deployment(o Options) *appsv1.Deployment {
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: o.Namespace, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)),
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/name": name}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					ServiceAccountName: name,
					PriorityClassName:  "system-cluster-critical",
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
					Containers: []corev1.Container{container(o)},
				},
			},
		},
	}
}

func container(o Options) corev1.Container {
	ask := corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(HealthPort)}}
	return corev1.Container{
		Name:            name,
		Image:           o.Image,
		ImagePullPolicy: corev1.PullIfNotPresent, // where there is no registry it was imported
		Args:            []string{"platform", "--plane-image", o.PlaneImage},
		Ports:           []corev1.ContainerPort{{Name: "health", ContainerPort: HealthPort}},
		ReadinessProbe:  &corev1.Probe{ProbeHandler: ask, PeriodSeconds: 1},
		LivenessProbe:   &corev1.Probe{ProbeHandler: ask, PeriodSeconds: 20, InitialDelaySeconds: 60},
		Env:             []corev1.EnvVar{{Name: "GOMEMLIMIT", Value: "400MiB"}},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("20m"), corev1.ResourceMemory: resource.MustParse("96Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
		},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), ReadOnlyRootFilesystem: new(true),
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
}
