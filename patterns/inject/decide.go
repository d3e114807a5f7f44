package inject

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/graft"
)

// mostHooks bounds the entries of the configuration: the API server judges
// each pod by each of them. Above it there is one for all namespaces together.
const mostHooks = 64

// A Hook is one entry of the configuration: whose pods the API server asks
// about.
type Hook struct {
	Name       string
	Namespaces []string
	Selector   metav1.LabelSelector // empty: all pods of the namespaces
}

// Decide returns the hooks that the rules need: one for each selector of each
// namespace.
func Decide(rules []graft.Rule) []Hook {
	var hooks []Hook
	var spaces []string
	for _, r := range rules {
		if slices.Contains(v1alpha1.SystemNamespaces, r.Namespace) {
			continue
		}
		h := Hook{Namespaces: []string{r.Namespace}, Selector: r.Selector}
		h.Name = "s" + graft.Hash(h) + ".inject.nagi.dev"
		hooks = append(hooks, h)
		spaces = append(spaces, r.Namespace)
	}
	byName := func(a, b Hook) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(hooks, byName)
	hooks = slices.CompactFunc(hooks, func(a, b Hook) bool { return a.Name == b.Name })
	if len(hooks) <= mostHooks {
		return hooks
	}
	slices.Sort(spaces)
	return []Hook{{Name: "all.inject.nagi.dev", Namespaces: slices.Compact(spaces)}}
}
