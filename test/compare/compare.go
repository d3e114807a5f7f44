package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/compose"
	"nagi.dev/test/lab"
)

// A result is what became of one application. Its JSON is what -table reads.
type result struct {
	Name         string                     `json:"name"`
	Services     int                        `json:"services"`
	Verdicts     map[compose.Verdict]int    `json:"verdicts"` // of the fidelity report, of the authors' file
	Report       []string                   `json:"report"`   // its lines that are not "applied"
	Approximated bool                       `json:"approximated"`
	Claims       int                        `json:"claims"`
	NotJudged    map[string]int             `json:"notJudged"`
	Sides        map[string]*outcome        `json:"sides"`
	ByKind       map[string]map[string]*sum `json:"byKind"` // by side and attribute
}

// An outcome is one side's part of it.
type outcome struct {
	Ready    float64           `json:"ready"` // seconds from the command until all was ready and answered; 0: never
	Missing  map[string]string `json:"missing"`
	Error    string            `json:"error"`
	Sum      sum               `json:"sum"`
	Unkept   []string          `json:"unkept"` // claims that are broken or unknown
	LeftOver []string          `json:"leftOver"`
}

// A sum counts verdicts.
type sum struct {
	Honoured int `json:"honoured"`
	Broken   int `json:"broken"`
	Unknown  int `json:"unknown"`
}

func (s *sum) add(v verdict) {
	switch v {
	case honoured:
		s.Honoured++
	case broken:
		s.Broken++
	default:
		s.Unknown++
	}
}

// compare runs one application on both sides and keeps the result.
func (o options) compare(ctx context.Context, l *lab.Lab, dir string) (err error) {
	work, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	a, err := load(ctx, dir, work)
	if err != nil {
		return err
	}
	images, err := a.makeImages(ctx, o, work)
	if err != nil {
		return err
	}
	m, err := o.start(ctx, l, machineName(a.name), images)
	if m != nil {
		defer func() { err = errors.Join(err, m.PowerOff()) }()
	}
	if err != nil {
		return err
	}
	claims, notJudged := a.claims()
	r := newResult(a, len(claims), notJudged)
	o.side(ctx, m, a, m.nagiSide(a, r), claims, r)
	if o.kompose != "" {
		o.side(ctx, m, a, m.komposeSide(a, o.kompose, work), claims, r)
	}
	return r.write(o.out)
}

// machineName is short: it is in the paths of sockets.
func machineName(app string) string { return "c-" + app[:min(len(app), 12)] }

func newResult(a *application, claims int, notJudged map[string]int) *result {
	report := compose.Check(a.original)
	r := &result{
		Name: a.name, Services: len(a.project.Services), Claims: claims, NotJudged: notJudged,
		Verdicts: map[compose.Verdict]int{}, Sides: map[string]*outcome{}, ByKind: map[string]map[string]*sum{},
	}
	for _, e := range report.Entries {
		r.Verdicts[e.Verdict]++
		if e.Verdict != compose.Applied {
			r.Report = append(r.Report, e.String())
		}
	}
	return r
}

// side deploys on one side, waits, judges and removes. What fails is the
// side's, not the run's.
func (o options) side(ctx context.Context, m *machine, a *application, s side, claims []claim, r *result) {
	out := &outcome{}
	r.Sides[s.name] = out
	begun := time.Now()
	if _, err := s.deploy(ctx); err != nil {
		out.Error = err.Error()
	}
	state, ready := o.wait(ctx, m, a, s, begun)
	if state == nil {
		out.Error += " nothing can be seen"
		return
	}
	out.Missing = state.missing()
	if len(out.Missing) == 0 {
		out.Ready = state.lastAnswer(ready).Sub(begun).Seconds()
	}
	r.ByKind[s.name] = map[string]*sum{}
	for i, v := range state.judge(ctx, claims) {
		c := claims[i]
		out.Sum.add(v)
		if r.ByKind[s.name][c.kind] == nil {
			r.ByKind[s.name][c.kind] = &sum{}
		}
		r.ByKind[s.name][c.kind].add(v)
		if v != honoured {
			out.Unkept = append(out.Unkept, fmt.Sprintf("%s: %s %s", v, c.service, c.attribute))
		}
	}
	fmt.Printf("   %-8s after %.0f s: ready %5.1f s, %d of %d honoured, %d unknown %v %s\n", s.name, time.Since(begun).Seconds(), out.Ready, out.Sum.Honoured, len(claims), out.Sum.Unknown, out.Missing, firstLine(out.Error))
	if err := s.remove(ctx); err != nil {
		out.LeftOver = append(out.LeftOver, err.Error())
	}
	out.LeftOver = append(out.LeftOver, m.leftOver(ctx, s.namespace)...)
}

// wait returns when all is ready and answers, or patience ends. Where nothing
// in the pods says when they are healthy, ready comes before the answer.
func (o options) wait(ctx context.Context, m *machine, a *application, s side, begun time.Time) (state *seen, ready time.Time) {
	limit := max(time.Second, o.patience-time.Since(begun))
	_ = poll(ctx, limit, func() (bool, error) { // what is missing is told by state
		now, err := m.find(ctx, a, s)
		if err != nil {
			return false, err
		}
		state, ready = now, time.Now()
		return len(state.missing()) == 0, nil
	})
	if state == nil {
		return nil, ready
	}
	_ = poll(ctx, settling, func() (bool, error) { // who never answers is judged as that
		state.listen(ctx)
		return state.silent() == 0, nil
	})
	return state, ready
}

// settling is how long containers have, once they are ready, until they answer.
const settling = 8 * time.Second

// silent counts the containers that run and do not answer yet.
func (o *seen) silent() (n int) {
	for _, pods := range o.pods {
		for _, p := range pods {
			if p.state.State.Running != nil && p.open.IsZero() {
				n++
			}
		}
	}
	return n
}

// lastAnswer is when the last stand-in began to answer, not before ready.
func (o *seen) lastAnswer(ready time.Time) time.Time {
	for _, pods := range o.pods {
		for _, p := range pods {
			if p.open.After(ready) {
				ready = p.open
			}
		}
	}
	return ready
}

// leftOver lists what is still there of a side that was removed.
func (m *machine) leftOver(ctx context.Context, namespace string) (left []string) {
	if _, err := m.client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{}); err == nil {
		left = append(left, "namespace "+namespace)
	}
	volumes, err := m.client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return append(left, err.Error())
	}
	for _, v := range volumes.Items {
		if v.Spec.ClaimRef != nil && v.Spec.ClaimRef.Namespace == namespace && v.Status.Phase == "Bound" {
			left = append(left, "volume "+v.Name)
		}
	}
	return left
}

func (r *result) write(folder string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, r.Name+".json"), append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
