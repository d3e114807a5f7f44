package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose/stack"
)

func pastOf(texts ...string) (all []past) {
	for i, text := range texts {
		all = append(all, past{Revision: stack.Revision{Number: int64(i + 1)}, spec: v1alpha1.StackSpec{Compose: "name: shop\nservices: {" + text + "}\n"}})
	}
	return all
}

func TestGoBack(t *testing.T) {
	all := pastOf("web: {image: 'a:1'}", "web: {image: 'a:2'}, db: {image: 'b:1'}", "web: {image: 'a:2'}, db: {image: 'b:2'}")
	for _, tt := range []struct {
		name, service string
		to, want      int64
		has           string
		err           string
	}{
		{"the stack goes to the revision before", "", 0, 2, "b:1", ""},
		{"the stack goes where it is told", "", 1, 1, "a:1", ""},
		{"a service goes to where it differed", "web", 0, 1, "a:1", ""},
		{"a service goes where it is told", "db", 2, 2, "b:1", ""},
		{"a revision that is not kept", "", 9, 0, "", "revision 9: there is none; nagi history lists those that are kept"},
		{"a service that was not there", "db", 1, 0, "", "revision 1: service db: there was none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to, spec, err := goBack(all, all[2].spec, tt.service, tt.to)
			if err != nil || tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("err = %v, want %s", err, tt.err)
				}
				return
			}
			if to != tt.want || !strings.Contains(spec.Compose, tt.has) {
				t.Errorf("went to %d, want %d:\n%s", to, tt.want, spec.Compose)
			}
		})
	}
}

func TestGoBackPassesOverWhatFailed(t *testing.T) {
	all := pastOf("web: {image: 'a:1'}", "web: {image: 'a:2'}", "web: {image: 'a:3'}")
	all[1].Outcomes = map[string]stack.Outcome{"web": {Is: "rolled back", To: 1}}
	for _, service := range []string{"", "web"} {
		if to, _, err := goBack(all, all[2].spec, service, 0); err != nil || to != 1 {
			t.Errorf("%q goes back to %d, %v, want 1", service, to, err)
		}
	}
	if to, _, err := goBack(all, all[2].spec, "", 2); err != nil || to != 2 {
		t.Errorf("told to, it goes back to %d, %v, want 2", to, err)
	}
}

func TestHistoryTable(t *testing.T) {
	all := pastOf("web: {image: 'a:1'}", "web: {image: 'a:2'}, db: {image: 'b:1'}", "web: {image: 'a:3'}")
	all[1].Outcomes = map[string]stack.Outcome{"web": {Is: "rolled back", To: 1, Why: "exited with code 1"}}
	all[2].cause = "rollback to 1"
	var out screen
	historyTable(historyRows(all)).print(&out)
	want := `REVISION  AGE  CHANGED   NOTE
3 *       -    web, -db  rollback to 1
2         -    +db, web  web went back to 1: exited with code 1
1         -    -
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
}

func TestLineDiff(t *testing.T) {
	was := "name: shop\nservices:\n  db:\n    image: b\n  web:\n    image: a:1\n    scale: 2\n  x:\n    image: x\nvolumes: {}\n"
	now := strings.Replace(was, "a:1", "a:2", 1)
	want := []string{"  …", "      image: b", "    web:", "-     image: a:1", "+     image: a:2", "      scale: 2", "    x:", "  …"}
	if d := cmp.Diff(want, lineDiff(was, now)); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if got := lineDiff(was, was); len(got) != 1 {
		t.Errorf("equal texts give %q", got)
	}
}

func TestDeployGivesUpOnAnUpdateThatWentBack(t *testing.T) {
	back := v1alpha1.ServiceStatus{Name: "web", State: v1alpha1.ServiceReady, Reason: v1alpha1.ReasonRolledBack, Message: "revision 2 failed"}
	s := v1alpha1.StackStatus{Services: []v1alpha1.ServiceStatus{back}}
	r := rolloutState{}
	now := r.Now
	r.see(s, now.Add(1))
	if v := judge(s, r); len(v.Back) > 0 {
		t.Error("it gives up on the status of a deploy before")
	}
	r.see(s, now.Add(1+backGrace))
	if v := judge(s, r); len(v.Back) != 1 {
		t.Errorf("verdict = %+v", v)
	}
	s.Services[0].State = v1alpha1.ServiceProgressing
	if v := judge(s, r); len(v.Back) > 0 {
		t.Error("it does not wait until the former containers run")
	}
}
