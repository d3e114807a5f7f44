package stack

import (
	"maps"
	"time"

	"nagi.dev/api/v1alpha1"
)

// patience is how long an asset may lie without a Stack that names it: a
// deploy makes the assets first.
const patience = time.Hour

// adopt returns the assets that the Stack names and does not own yet. One
// without its label was made by a person and stays theirs.
func adopt(s State) []Object {
	named := namedAssets(s.Stack)
	var todo []Object
	for _, o := range s.Seen {
		if named[refOf(o)] && !owns(s.Stack, o) && o.GetLabels()[v1alpha1.StackLabel] == s.Stack.Name {
			todo = append(todo, o)
		}
	}
	return todo
}

// oldAssets returns the assets that the Stack no longer names. They are asked
// for only when every service runs the new ones: an old pod that starts again
// still needs the old.
func oldAssets(s State) []Object {
	named := namedAssets(s.Stack)
	maps.Copy(named, s.Kept)
	for _, w := range s.Wanted {
		named[refOf(w)] = true
	}
	var old []Object
	for _, o := range s.Seen {
		if ref := refOf(o); named[ref] || !ref.isAsset() || o.GetDeletionTimestamp() != nil {
			continue
		}
		forgotten := len(o.GetOwnerReferences()) == 0 && s.Now.Sub(o.GetCreationTimestamp().Time) > patience &&
			o.GetLabels()[v1alpha1.ManagedByLabel] == v1alpha1.ManagedBy
		if owns(s.Stack, o) || forgotten {
			old = append(old, o)
		}
	}
	return old
}

func namedAssets(st *v1alpha1.Stack) map[Ref]bool { return assetsOf(st.Spec) }

func assetsOf(spec v1alpha1.StackSpec) map[Ref]bool {
	named := map[Ref]bool{}
	for _, a := range spec.Assets {
		for _, o := range a.Objects {
			named[Ref{a.Kind, o.Name}] = true
		}
	}
	return named
}

func (r Ref) isAsset() bool { return r.Kind == "ConfigMap" || r.Kind == "Secret" }
