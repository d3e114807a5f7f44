package stack

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
)

// State is everything that Decide may look at.
type State struct {
	Stack   *v1alpha1.Stack
	Wanted  []*unstructured.Unstructured // what the file asks for, in the order to apply
	Invalid string                       // why there is no Wanted
	Seen    []Object                     // what carries the stack's label, kind set; ConfigMaps and Secrets as metadata

	Pods     []*corev1.Pod
	Warnings map[types.UID]string // newest warning about a pod that does not explain itself
	Refused  map[Ref]Refusal      // what the server said no to in this pass
	Dropped  map[Ref][]string     // fields that the server takes and does not keep

	Revisions []Revision                              // that are kept, the oldest first
	Former    map[string][]*unstructured.Unstructured // objects of the services that went back to a former one
	Kept      map[Ref]bool                            // assets that a kept revision names

	watching map[string]bool // services whose update may still fail; Decide fills it in

	Now time.Time
}

// A Plan is what to do next. The zero Plan means: nothing.
type Plan struct {
	Record   *Revision          // the accepted file, to keep before it is applied
	Outcomes map[string]Outcome // to note on the current revision, in place of what stands there
	Ended    []string           // services whose outcome is new

	Adopt    []Object // assets that get the Stack as owner
	Apply    []Change
	Recreate []Object // Jobs to delete first: their template cannot change
	Delete   []Object
	Status   *v1alpha1.StackStatus // nil: stays as it is
	WakeIn   time.Duration         // look again after this long; 0: only on a change
}

// A Change is one object to apply.
type Change struct {
	Object *unstructured.Unstructured
	Drift  string // the field that was changed by hand; "" when the file changed
	Seize  bool   // take what was added by hand first, so that it goes
}

// A Ref names an object within the stack's namespace.
type Ref struct{ Kind, Name string }

func (r Ref) String() string { return r.Kind + " " + r.Name }

// A Refusal is why the server, or we, did not apply an object.
type Refusal struct{ Reason, Message string }

// Decide compares what the file asks for with what is seen.
func Decide(s State) Plan {
	var p Plan
	switch why := hold(s); {
	case s.Stack.DeletionTimestamp != nil:
		return p
	case why != (Refusal{}):
		p.Status = changed(s, held(s, why))
		return p
	}
	again := review(&s, &p)
	seen := index(s.Seen)
	p.Adopt = adopt(s)
	taken := compare(s, seen, &p)
	p.Delete = leftovers(s)

	status, wake := look(s, seen, pending(p), taken)
	if settled(status) {
		p.Delete = append(p.Delete, oldAssets(s)...)
	}
	p.Delete = append(p.Delete, outdated(s.Revisions)...)
	p.Status, p.WakeIn = changed(s, status), sooner(wake, again)
	return p
}

// review plans what to keep of the file and of how its updates ended, and
// changes what s wants to what the outcomes of updates make of it.
func review(s *State, p *Plan) time.Duration {
	s.Revisions = withCurrent(*s)
	now := s.Revisions[len(s.Revisions)-1]
	if now.Object == nil {
		p.Record = &now
	}
	ended, open, again := judgeUpdates(*s, s.Revisions)
	s.watching = open
	if len(ended) > 0 {
		p.Outcomes = maps.Clone(now.Outcomes)
		if p.Outcomes == nil {
			p.Outcomes = map[string]Outcome{}
		}
		maps.Copy(p.Outcomes, ended)
		p.Ended = slices.Sorted(maps.Keys(ended))
	}
	s.Wanted = withOutcomes(s.Wanted, now.Outcomes, s.Former)
	return again
}

// hold returns why nothing of the stack may be touched.
func hold(s State) Refusal {
	if s.Invalid != "" {
		return Refusal{v1alpha1.ReasonInvalid, s.Invalid}
	}
	seen := index(s.Seen)
	for _, a := range s.Stack.Spec.Assets {
		for _, o := range a.Objects {
			if got, ok := seen[Ref{a.Kind, o.Name}]; !ok || got.GetDeletionTimestamp() != nil {
				return Refusal{v1alpha1.ReasonAssetMissing, fmt.Sprintf("%s %s, which holds %s, is missing; deploy again", a.Kind, o.Name, a.Key)}
			}
		}
	}
	return Refusal{}
}

// compare finds what must be applied or recreated, and what must not because
// the object belongs to another.
func compare(s State, seen map[Ref]Object, p *Plan) map[Ref]Refusal {
	taken := map[Ref]Refusal{}
	for _, want := range s.Wanted {
		ref := refOf(want)
		have, ok := seen[ref]
		switch {
		case !ok:
			p.Apply = append(p.Apply, Change{Object: sealed(want)})
		case have.GetDeletionTimestamp() != nil, ownedByEarlier(s.Stack, have):
			// It goes soon; that wakes us.
		case ownedByAnother(s.Stack, have):
			taken[ref] = Refusal{v1alpha1.ReasonConflict, fmt.Sprintf("%s belongs to %s", ref, metav1.GetControllerOf(have).Name)}
		case ref.Kind == "Job" && hashOf(want) != hashOf(have):
			p.Recreate = append(p.Recreate, have)
		default:
			if c, ok := difference(sealed(withoutForeignReplicas(want, have)), have, s.Dropped[ref]); ok {
				p.Apply = append(p.Apply, c)
			}
		}
	}
	return taken
}

// leftovers returns what the stack owns and the file no longer asks for.
// Volumes stay: they hold data. Assets are judged by oldAssets.
func leftovers(s State) []Object {
	want := map[Ref]bool{}
	for _, w := range s.Wanted {
		want[refOf(w)] = true
	}
	var gone []Object
	for _, o := range s.Seen {
		if ref := refOf(o); !want[ref] && !ref.isAsset() && ref.Kind != claim && owns(s.Stack, o) && o.GetDeletionTimestamp() == nil {
			gone = append(gone, o)
		}
	}
	return gone
}

// pending returns what is about to change, so that its service is not called
// ready for what ran before.
func pending(p Plan) map[Ref]bool {
	refs := map[Ref]bool{}
	for _, c := range p.Apply {
		refs[refOf(c.Object)] = true
	}
	for _, o := range p.Recreate {
		refs[refOf(o)] = true
	}
	return refs
}
