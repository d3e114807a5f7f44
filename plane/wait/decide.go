package wait

import (
	"fmt"
	"slices"
	"strings"
)

// Conditions a Target can wait for.
const (
	Started   = "started"   // a pod has all its containers running
	Healthy   = "healthy"   // a pod is Ready
	Completed = "completed" // a Job succeeded
)

// A Target is one workload of the namespace and what it has to be.
type Target struct {
	Kind      string // deployment, daemonset or job
	Name      string
	Container string // the one of its pods that counts; "": all of a pod
	Condition string // Started, Healthy or Completed
}

// String is the target as people write it: "deployment/db".
func (t Target) String() string {
	if t.Container != "" {
		return t.Kind + "/" + t.Name + "/" + t.Container
	}
	return t.Kind + "/" + t.Name
}

// ParseTarget reads "deployment/db=healthy", or "deployment/db/exporter=healthy"
// of one container of its pods.
func ParseTarget(s string) (Target, error) {
	what, condition, _ := strings.Cut(s, "=")
	kind, name, _ := strings.Cut(what, "/")
	name, container, one := strings.Cut(name, "/")
	t := Target{Kind: kind, Name: name, Container: container, Condition: condition}
	switch {
	case !slices.Contains([]string{"deployment", "daemonset", "job"}, kind):
		return t, fmt.Errorf("%q: the kind is deployment, daemonset or job, as in deployment/db=healthy", s)
	case name == "" || one && container == "" || strings.Contains(container, "/"):
		return t, fmt.Errorf("%q has no name, as in deployment/db=healthy", s)
	case !slices.Contains([]string{Started, Healthy, Completed}, condition):
		return t, fmt.Errorf("%q: the condition is started, healthy or completed", s)
	case condition == Completed && (kind != "job" || one):
		return t, fmt.Errorf("%q: only a job completes, as a whole", s)
	}
	return t, nil
}

// A Pod is what counts of one pod of the workload.
type Pod struct {
	Started bool   // all containers run, or ran and succeeded; that of the target does
	Ready   bool   // its condition Ready holds; the container of the target is ready
	Leaving bool   // it is being deleted
	Trouble string // why a container does not run: "ImagePullBackOff"
}

// State is everything that Decide may look at.
type State struct {
	Found     bool   // the workload exists
	Succeeded bool   // the Job completed
	Failed    string // why the Job failed for good; "": it did not
	Pods      []Pod
}

// A Verdict is where a target stands. The zero Verdict means: wait.
type Verdict struct {
	Done   bool   // the target is as asked
	Failed bool   // it can never be
	Text   string // the state, for people: "0 of 1 pods ready"
}

// Decide compares what is asked with what is seen.
func Decide(t Target, s State) Verdict {
	switch {
	case !s.Found:
		return Verdict{Text: "it does not exist yet"}
	case t.Condition == Completed:
		return decideJob(s)
	}
	return decidePods(t, s)
}

func decideJob(s State) Verdict {
	switch {
	case s.Succeeded:
		return Verdict{Done: true, Text: "it succeeded"}
	case s.Failed != "":
		return Verdict{Failed: true, Text: s.Failed}
	}
	return Verdict{Text: "it still runs" + trouble(s.Pods)}
}

func decidePods(t Target, s State) Verdict {
	good, all := 0, 0
	for _, p := range s.Pods {
		if p.Leaving {
			continue
		}
		all++
		if p.Ready || t.Condition == Started && p.Started {
			good++
		}
	}
	word := "ready"
	if t.Condition == Started {
		word = "running"
	}
	switch {
	case all == 0 && s.Failed != "": // a Job whose pods are gone
		return Verdict{Failed: true, Text: s.Failed}
	case all == 0:
		return Verdict{Text: "no pods yet"}
	}
	return Verdict{Done: good > 0, Text: fmt.Sprintf("%d of %d pods %s%s", good, all, word, trouble(s.Pods))}
}

// trouble names the reasons why containers do not run, each once.
func trouble(pods []Pod) string {
	var all []string
	for _, p := range pods {
		if p.Trouble != "" && !p.Leaving {
			all = append(all, p.Trouble)
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return " (" + strings.Join(slices.Compact(all), ", ") + ")"
}
