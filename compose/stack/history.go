package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"nagi.dev/api/v1alpha1"
)

// keptRevisions is how many accepted files of a stack are kept.
const keptRevisions = 10

// A Revision is one file that was accepted, as far as it is in memory: what it
// says is read from the server when it is needed.
type Revision struct {
	Object    Object // its ControllerRevision; nil: still to be made
	Number    int64
	Hash      string // of the file and its assets
	Created   time.Time
	Templates map[string]string  // service: hash of its pods
	Outcomes  map[string]Outcome // service: how its update ended
}

// An Outcome is how the update of a service to a revision ended.
type Outcome struct {
	Is  string `json:"is"`
	To  int64  `json:"to,omitempty"`  // the revision that runs instead
	Why string `json:"why,omitempty"` // what failed

	// How going back ended, where the file says what to do when that fails.
	Back    string `json:"back,omitempty"`
	BackWhy string `json:"backWhy,omitempty"`
}

// The outcomes of an update.
const (
	outcomeHeld       = "held"        // the new containers stayed well while they were watched
	outcomeRolledBack = "rolled back" // a former revision runs instead
	outcomePaused     = "paused"      // it stands still
	outcomeContinued  = "continued"   // it went on in spite of failures
)

// Failed tells whether the containers of that update were no good.
func (o Outcome) Failed() bool { return o.Is != "" && o.Is != outcomeHeld }

// Failures says which services' updates to r failed, and what was done.
func (r Revision) Failures() []string {
	var all []string
	for _, service := range slices.Sorted(maps.Keys(r.Outcomes)) {
		switch o := r.Outcomes[service]; o.Is {
		case outcomeRolledBack:
			all = append(all, fmt.Sprintf("%s went back to %d: %s", service, o.To, o.Why))
			if o.BackWhy != "" {
				all = append(all, fmt.Sprintf("going back failed too (%s): %s", o.Back, o.BackWhy))
			}
		case outcomePaused, outcomeContinued:
			all = append(all, fmt.Sprintf("%s failed (%s): %s", service, o.Is, o.Why))
		}
	}
	return all
}

// revisionOf reads a ControllerRevision of st; false: it is none of st's.
func revisionOf(st *v1alpha1.Stack, o Object) (Revision, bool) {
	notes := o.GetAnnotations()
	n, err := strconv.ParseInt(notes[v1alpha1.RevisionAnnotation], 10, 64)
	if err != nil || n < 1 || !owns(st, o) || o.GetDeletionTimestamp() != nil {
		return Revision{}, false
	}
	r := Revision{Object: o, Number: n, Hash: notes[v1alpha1.HashAnnotation], Created: o.GetCreationTimestamp().Time}
	_ = json.Unmarshal([]byte(notes[v1alpha1.TemplatesAnnotation]), &r.Templates) // what is not ours says nothing
	_ = json.Unmarshal([]byte(notes[v1alpha1.OutcomesAnnotation]), &r.Outcomes)
	return r, true
}

// RevisionsOf returns the revisions of st, the oldest first.
func RevisionsOf(st *v1alpha1.Stack, objs ...Object) []Revision {
	var all []Revision
	for _, o := range objs {
		if r, ok := revisionOf(st, o); ok {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Revision) int { return int(a.Number - b.Number) })
	return all
}

// withCurrent returns the revisions of s with that of its file as the last;
// one whose Object is nil has to be made.
func withCurrent(s State) []Revision {
	hash := fileHash(s.Stack.Spec)
	if n := len(s.Revisions); n > 0 && s.Revisions[n-1].Hash == hash {
		return s.Revisions
	}
	next := Revision{Number: 1, Hash: hash, Created: s.Now.Truncate(time.Second), Templates: templates(s.Wanted)}
	if n := len(s.Revisions); n > 0 {
		next.Number = s.Revisions[n-1].Number + 1
	}
	return append(slices.Clone(s.Revisions), next)
}

// fileHash tells one file of a stack from another.
func fileHash(spec v1alpha1.StackSpec) string {
	text, err := json.Marshal(spec)
	if err != nil {
		panic(fmt.Sprintf("stack: encode spec: %v", err)) // it came out of JSON
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// templates returns the hash of each service's pods.
func templates(wanted []*unstructured.Unstructured) map[string]string {
	all := map[string]string{}
	for _, w := range wanted {
		if workload(w) {
			for _, name := range ServicesOf(w) {
				all[name] = templateHash(w)
			}
		}
	}
	return all
}

// templateHash is the mark that the pods carry, or the hash of what makes them.
func templateHash(w *unstructured.Unstructured) string {
	marks, _, _ := unstructured.NestedStringMap(w.Object, "spec", "template", "metadata", "annotations")
	if marks[v1alpha1.TemplateAnnotation] != "" {
		return marks[v1alpha1.TemplateAnnotation]
	}
	at := "template"
	if w.GetKind() == kindCronJob {
		at = "jobTemplate"
	}
	template, _, _ := unstructured.NestedMap(w.Object, "spec", at)
	text, err := json.Marshal(template)
	if err != nil {
		panic(fmt.Sprintf("stack: encode template: %v", err)) // it came out of JSON
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:5])
}

// former returns the newest revision before the last of all in which a service
// ran well; false: there is none. The same pods in an earlier revision count
// only if they held: else it is their update that goes on.
func former(all []Revision, service string) (Revision, bool) {
	now := all[len(all)-1]
	for _, r := range slices.Backward(all[:len(all)-1]) {
		hash, o := r.Templates[service], r.Outcomes[service]
		switch {
		case hash == "":
			return Revision{}, false // it was not there: this is no update
		case o.Failed(), hash == now.Templates[service] && o.Is != outcomeHeld:
		default:
			return r, true
		}
	}
	return Revision{}, false
}

// running returns the revision in which the pods of a service last changed.
func running(all []Revision, service string) Revision {
	at := len(all) - 1
	if o := all[at].Outcomes[service]; o.Is == outcomeRolledBack {
		if i := slices.IndexFunc(all, func(r Revision) bool { return r.Number == o.To }); i >= 0 {
			at = i
		}
	}
	for at > 0 && all[at-1].Templates[service] == all[at].Templates[service] && !all[at-1].Outcomes[service].Failed() {
		at--
	}
	return all[at]
}

// outdated returns the revisions that are no longer kept: all but the newest,
// and those to which a service went back.
func outdated(all []Revision) []Object {
	if len(all) <= keptRevisions {
		return nil
	}
	used := map[int64]bool{}
	for _, o := range all[len(all)-1].Outcomes {
		used[o.To] = true
	}
	var old []Object
	for _, r := range all[:len(all)-keptRevisions] {
		if !used[r.Number] && r.Object != nil {
			old = append(old, r.Object)
		}
	}
	return old
}

// stamp sets what a status says of revisions. A revision is a little older by
// the server's clock than by ours; what was said first stays.
func stamp(s State, sv *v1alpha1.ServiceStatus) {
	r := running(s.Revisions, sv.Name)
	sv.Revision, sv.Updated = r.Number, metav1.NewTime(r.Created)
	for _, old := range s.Stack.Status.Services {
		if old.Name == sv.Name && old.Revision == sv.Revision && !old.Updated.IsZero() {
			sv.Updated = old.Updated
		}
	}
}
