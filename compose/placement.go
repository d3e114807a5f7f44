package compose

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// controlPlane is the label of the nodes that compose calls managers.
const controlPlane = "node-role.kubernetes.io/control-plane"

// A constraint is "node.labels.zone == east", taken apart.
type constraint struct {
	key, value string
	not        bool
}

func parseConstraint(text string) (constraint, error) {
	key, value, ok := strings.Cut(text, "!=")
	c := constraint{not: ok}
	if !ok {
		key, value, ok = strings.Cut(text, "==")
	}
	c.key, c.value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || c.key == "" || c.value == "" {
		return c, fmt.Errorf(`%q is no constraint; write it like "node.labels.zone == east"`, text)
	}
	return c, nil
}

func checkConstraint(text string) string {
	if _, err := parseConstraint(text); err != nil {
		return err.Error()
	}
	return ""
}

// requirement returns a constraint as Kubernetes has it; false: it has none.
func (c constraint) requirement() (corev1.NodeSelectorRequirement, bool) {
	r := corev1.NodeSelectorRequirement{Operator: corev1.NodeSelectorOpIn, Values: []string{c.value}}
	if c.not {
		r.Operator = corev1.NodeSelectorOpNotIn
	}
	switch label, labelled := strings.CutPrefix(c.key, "node.labels."); {
	case labelled:
		r.Key = label
	case c.key == "node.hostname":
		r.Key = corev1.LabelHostname
	case c.key == "node.platform.os":
		r.Key = corev1.LabelOSStable
	case c.key == "node.platform.arch":
		r.Key = corev1.LabelArchStable
		if known, ok := architectures[c.value]; ok {
			r.Values = []string{known}
		}
	case c.key == "node.role" && (c.value == "manager" || c.value == "worker"):
		r = corev1.NodeSelectorRequirement{Key: controlPlane, Operator: corev1.NodeSelectorOpExists}
		if c.not == (c.value == "manager") {
			r.Operator = corev1.NodeSelectorOpDoesNotExist
		}
		return r, true
	}
	return r, len(validation.IsQualifiedName(r.Key)) == 0 && len(validation.IsValidLabelValue(c.value)) == 0
}

// place puts a service's pods where its placement says.
func (m *maker) place(pod *corev1.PodSpec, s types.ServiceConfig) {
	p := deployOf(s).Placement
	var needs []corev1.NodeSelectorRequirement
	for _, text := range p.Constraints {
		if c, err := parseConstraint(text); err == nil {
			if r, ok := c.requirement(); ok {
				needs = append(needs, r)
			}
		}
	}
	var affinity corev1.Affinity
	if len(needs) > 0 {
		affinity.NodeAffinity = &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: needs}},
		}}
	}
	own := &metav1.LabelSelector{MatchLabels: m.podSelector(s.Name)}
	if p.MaxReplicas == 1 {
		affinity.PodAntiAffinity = &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
			LabelSelector: own, TopologyKey: corev1.LabelHostname, MatchLabelKeys: m.generation(s),
		}}}
	}
	if affinity != (corev1.Affinity{}) {
		pod.Affinity = &affinity
	}
	if p.MaxReplicas > 1 {
		pod.TopologySpreadConstraints = append(pod.TopologySpreadConstraints, corev1.TopologySpreadConstraint{
			MaxSkew: int32(min(p.MaxReplicas, math.MaxInt32)), TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule,
			MinDomains: new(int32(moreThanNodes)), LabelSelector: own, MatchLabelKeys: m.generation(s),
		})
	}
	for _, preference := range p.Preferences {
		if key, ok := spreadKey(preference.Spread); ok {
			pod.TopologySpreadConstraints = append(pod.TopologySpreadConstraints, corev1.TopologySpreadConstraint{
				MaxSkew: 1, TopologyKey: key, WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: own, MatchLabelKeys: m.generation(s),
			})
		}
	}
}

// moreThanNodes is more than a cluster has. Kubernetes bounds by how much a node
// may have more pods than the one with the fewest; while there are fewer nodes
// than asked for, that one counts as empty: the bound is one of pods on a node.
const moreThanNodes = 1 << 30

// generation names the label that tells the pods of an update from those they
// replace: old pods leave, and must not keep new ones away.
func (m *maker) generation(s types.ServiceConfig) []string {
	if m.kind(s) == kindDeployment {
		return []string{"pod-template-hash"}
	}
	return nil
}

func spreadKey(text string) (string, bool) {
	key, ok := strings.CutPrefix(text, "node.labels.")
	return key, ok && len(validation.IsQualifiedName(key)) == 0
}

func judgeConstraint(a attribute) (Verdict, string) {
	c, err := parseConstraint(a.text)
	if err != nil {
		return Refused, err.Error()
	}
	if _, ok := c.requirement(); !ok {
		return Refused, "Kubernetes knows its nodes by node.labels.NAME, node.hostname, node.role, node.platform.os and node.platform.arch"
	}
	return Applied, ""
}

func judgeSpread(a attribute) (Verdict, string) {
	if _, ok := spreadKey(a.text); !ok {
		return Refused, `pods are spread over a label of the nodes; write "node.labels.NAME"`
	}
	return Applied, ""
}

func judgeMaxReplicas(a attribute) (Verdict, string) {
	if slices.Contains([]string{"global", "global-job"}, deployOf(a.service).Mode) {
		return Applied, "there is one a node"
	}
	return Applied, ""
}
