package install

import rbacv1 "k8s.io/api/rbac/v1"

// keep are the verbs for what the platform makes and keeps as it made it.
var keep = []string{"get", "list", "watch", "create", "update", "patch", "delete"}

// Rights are all that the platform may do, and no more than it does. It may
// make Roles because a service that waits for another reads how that is; by
// Kubernetes' own rule they can hold nothing that is not listed here.
func Rights() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		{APIGroups: []string{"nagi.dev"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch", "update", "patch"}},
		{APIGroups: []string{""}, Resources: []string{"services", "persistentvolumeclaims", "serviceaccounts", "configmaps", "secrets"}, Verbs: keep},
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"get", "list", "create", "patch"}},
		{APIGroups: []string{"apps"}, Resources: []string{"deployments", "daemonsets", "controllerrevisions"}, Verbs: keep},
		{APIGroups: []string{"batch"}, Resources: []string{"jobs", "cronjobs"}, Verbs: keep},
		{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"networkpolicies"}, Verbs: keep},
		{APIGroups: []string{"rbac.authorization.k8s.io"}, Resources: []string{"roles", "rolebindings"}, Verbs: keep},
	}
}
