package inject

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/internal/graft"
)

func rule(namespace, app string) graft.Rule {
	return graft.Rule{Kind: "Sidecar", Namespace: namespace, Name: "x", Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}}
}

func TestDecide(t *testing.T) {
	var many []graft.Rule
	for i := range mostHooks + 1 {
		many = append(many, rule(fmt.Sprint("n", i%3), fmt.Sprint(i)))
	}
	for _, tt := range []struct {
		name   string
		rules  []graft.Rule
		hooks  int
		spaces int // of the first
	}{
		{"nobody is asked for nothing", nil, 0, 0},
		{"two rules of one selector share a hook", []graft.Rule{rule("a", "web"), rule("a", "web")}, 1, 1},
		{"another namespace has a hook of its own", []graft.Rule{rule("a", "web"), rule("b", "web")}, 2, 1},
		{"system namespaces have none", []graft.Rule{rule("kube-system", "web")}, 0, 0},
		{"too many become one", many, 1, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Decide(tt.rules)
			if len(got) != tt.hooks || len(got) > 0 && len(got[0].Namespaces) != tt.spaces {
				t.Errorf("hooks = %+v", got)
			}
		})
	}
}
