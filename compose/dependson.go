package compose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

const (
	stackAccount = "nagi-stack" // the ServiceAccount that may look at the stack
	tokenPath    = "/var/run/secrets/kubernetes.io/serviceaccount"
	tokenVolume  = "nagi-token"
	tokenSeconds = 3607          // the kubelet renews it; what it uses for its own
	waitUser     = int64(65_532) // nobody in particular
)

// conditions are nagi-plane's words for those of a compose file.
var conditions = map[string]string{
	types.ServiceConditionStarted:               "started",
	types.ServiceConditionHealthy:               "healthy",
	types.ServiceConditionCompletedSuccessfully: "completed",
}

// awaitedServices returns the services whose end another one waits for.
func awaitedServices(p *types.Project) map[string]bool {
	awaited := map[string]bool{}
	for _, s := range p.Services {
		for on, d := range s.DependsOn {
			if d.Condition == types.ServiceConditionCompletedSuccessfully {
				awaited[on] = true
			}
		}
	}
	return awaited
}

// waits returns what a service waits for: "deployment/db=healthy". What is not
// in the project was not required, or the file would not have been read; what
// is scaled to nothing never comes. Those of its own pod begin in their order.
func (m *maker) waits(s types.ServiceConfig) []string {
	var out []string
	for _, on := range slices.Sorted(maps.Keys(s.DependsOn)) {
		dependency, ok := m.project.Services[on]
		if !ok || isJob(dependency) || dependency.GetScale() == 0 && m.kind(dependency) == kindDeployment || m.hostOf(on) == m.hostOf(s.Name) {
			continue
		}
		condition, ok := conditions[s.DependsOn[on].Condition]
		if !ok {
			condition = "started"
		}
		out = append(out, fmt.Sprintf("%s/%s=%s", strings.ToLower(m.kind(dependency)), m.names[m.hostOf(on)], condition))
	}
	return out
}

// restartHash changes whenever a dependency with restart: true does, and with
// it the pods of the services. Empty: there is no such dependency.
func (m *maker) restartHash(mates []types.ServiceConfig) string {
	parts := map[string]string{}
	for _, s := range mates {
		for on, d := range s.DependsOn {
			if hash := m.hashes[on]; d.Restart && hash != "" && m.hostOf(on) != m.hostOf(s.Name) {
				parts[on] = hash
			}
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return hashOf(parts) // JSON sorts the keys
}

// addWait lets a pod begin only when what the service depends on is there. The
// token by which it looks is in that one container.
func (m *maker) addWait(pod *corev1.PodSpec, s types.ServiceConfig) {
	waits := m.waits(s)
	if len(waits) == 0 {
		return
	}
	args := []string{"wait"}
	for _, w := range waits {
		args = append(args, "--for", w)
	}
	pod.ServiceAccountName = stackAccount
	c := m.waitContainer(args)
	c.Name = ownName(c.Name, m.names[s.Name], m.names[m.hostOf(s.Name)])
	pod.InitContainers = append(pod.InitContainers, c)
	if volumeNamed(pod.Volumes, tokenVolume) == nil {
		pod.Volumes = append(slices.Clip(pod.Volumes), tokenProjection())
	}
}

func (m *maker) waitContainer(args []string) corev1.Container {
	return corev1.Container{
		Name:                     "nagi-wait",
		Image:                    m.plane,
		ImagePullPolicy:          corev1.PullIfNotPresent,
		Args:                     args,
		VolumeMounts:             []corev1.VolumeMount{{Name: tokenVolume, MountPath: tokenPath, ReadOnly: true}},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		SecurityContext: &corev1.SecurityContext{
			RunAsUser:                new(waitUser),
			RunAsGroup:               new(waitUser),
			ReadOnlyRootFilesystem:   new(true),
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
}

// tokenProjection holds what a program in a pod needs to ask the API.
func tokenProjection() corev1.Volume {
	root := &corev1.ConfigMapProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"},
		Items:                []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
	}
	namespace := &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{
		Path:     "namespace",
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"},
	}}}
	token := &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: new(int64(tokenSeconds))}
	return corev1.Volume{Name: tokenVolume, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		DefaultMode: new(int32(fileMode)),
		Sources:     []corev1.VolumeProjection{{ServiceAccountToken: token}, {ConfigMap: root}, {DownwardAPI: namespace}},
	}}}
}

// access returns the account of the waiting containers and what it may read;
// nothing when no service waits.
func (m *maker) access() []Object {
	waiting := func(service string) bool { return len(m.waits(m.project.Services[service])) > 0 }
	if !slices.ContainsFunc(m.serviceKeys(), waiting) {
		return nil
	}
	meta := m.meta(stackAccount, "")
	read := []string{"get", "list", "watch"}
	return []Object{
		&corev1.ServiceAccount{TypeMeta: typeMeta("v1", "ServiceAccount"), ObjectMeta: meta, AutomountServiceAccountToken: new(false)},
		&rbacv1.Role{TypeMeta: typeMeta(rbacv1.SchemeGroupVersion.String(), "Role"), ObjectMeta: *meta.DeepCopy(), Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: read},
			{APIGroups: []string{"apps"}, Resources: []string{"daemonsets", "deployments"}, Verbs: read},
			{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: read},
		}},
		&rbacv1.RoleBinding{
			TypeMeta:   typeMeta(rbacv1.SchemeGroupVersion.String(), "RoleBinding"),
			ObjectMeta: *meta.DeepCopy(),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: stackAccount},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: stackAccount, Namespace: m.namespace}},
		},
	}
}
