package stack

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

// look says how the stack is, and when to look again. pending is what this
// pass changes, taken what belongs to another.
func look(s State, seen map[Ref]Object, pending map[Ref]bool, taken map[Ref]Refusal) (v1alpha1.StackStatus, time.Duration) {
	refused := mergeRefusals(taken, s.Refused)
	st := *s.Stack.Status.DeepCopy()
	st.ObservedGeneration = s.Stack.Generation
	st.Released = released(s)
	now := s.Revisions[len(s.Revisions)-1]
	st.Revision = now.Number
	st.Services = nil
	var wake time.Duration
	listed := map[string]bool{}
	for _, w := range s.Wanted {
		if !workload(w) {
			continue
		}
		for _, name := range ServicesOf(w) {
			if listed[name] {
				continue // a job of several schedules
			}
			listed[name] = true
			sv, again := service(s, name, w, seen[refOf(w)], pending[refOf(w)], refused[refOf(w)])
			stamp(s, &sv)
			told(now, s.watching[name], &sv)
			st.Services = append(st.Services, since(s, sv))
			wake = sooner(wake, again)
		}
	}
	slices.SortFunc(st.Services, func(a, b v1alpha1.ServiceStatus) int { return cmp.Compare(a.Name, b.Name) })
	judge(&st, s, firstRefusal(refused))
	if len(refused) > 0 {
		wake = sooner(wake, retry)
	}
	return st, wake
}

// retry is when to ask again for what was refused: a quota may have grown.
const retry = 30 * time.Second

// since carries over when a service came into its state.
func since(s State, sv v1alpha1.ServiceStatus) v1alpha1.ServiceStatus {
	sv.Since = metav1.NewTime(s.Now.Truncate(time.Second))
	for _, old := range s.Stack.Status.Services {
		if old.Name == sv.Name && old.State == sv.State {
			sv.Since = old.Since
		}
	}
	sv.Message = shorten(sv.Message, 2000)
	return sv
}

// released names the volumes that are kept though the file has them no more.
func released(s State) []string {
	var names []string
	want := map[Ref]bool{}
	for _, w := range s.Wanted {
		want[refOf(w)] = true
	}
	for _, o := range s.Seen {
		if ref := refOf(o); ref.Kind == claim && !want[ref] {
			names = append(names, ref.Name)
		}
	}
	slices.Sort(names)
	return names
}

// changed returns st when it differs from what the Stack says already.
func changed(s State, st v1alpha1.StackStatus) *v1alpha1.StackStatus {
	if equality.Semantic.DeepEqual(s.Stack.Status, st) {
		return nil
	}
	return &st
}

func mergeRefusals(a, b map[Ref]Refusal) map[Ref]Refusal {
	all := map[Ref]Refusal{}
	for _, m := range []map[Ref]Refusal{a, b} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// firstRefusal returns the refusal to tell of: the first by name, so that the
// same state is told in the same words.
func firstRefusal(all map[Ref]Refusal) Refusal {
	var first string
	for r := range all {
		if name := r.String(); first == "" || name < first {
			first = name
		}
	}
	for r, why := range all {
		if r.String() == first {
			return why
		}
	}
	return Refusal{}
}

// sooner returns the earlier of two times to wake; 0 means never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// shorten cuts text to at most n bytes, at a rune.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n]
}
