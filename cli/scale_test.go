package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/api/v1alpha1"
)

func TestParseScalings(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want []scaling
		err  string
	}{
		{"a service and a number", []string{"web=3"}, []scaling{{service: "web", replicas: 3}}, ""},
		{"none is a number too", []string{"web=0", "db=1"}, []scaling{{service: "web"}, {service: "db", replicas: 1}}, ""},
		{"the file is asked to say", []string{"web=file"}, []scaling{{service: "web", file: true}}, ""},
		{"nothing", nil, nil, "name a service and a number: nagi scale web=3"},
		{"no number", []string{"web"}, nil, `"web": want SERVICE=N or SERVICE=file, as in web=3`},
		{"less than none", []string{"web=-1"}, nil, `"web=-1": want SERVICE=N or SERVICE=file, as in web=3`},
		{"no service", []string{"=3"}, nil, `"=3": want SERVICE=N or SERVICE=file, as in web=3`},
		{"a slip of the finger", []string{"web=30000"}, nil, `"web=30000": at most 10000 replicas`},
		{"one service twice", []string{"web=1", "web=2"}, nil, "service web is named twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseScalings(tt.args)
			if err != nil && (err.Error() != tt.err || !isUsage(err)) || err == nil && tt.err != "" {
				t.Errorf("err = %v, want %s", err, tt.err)
			}
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(scaling{})); d != "" {
				t.Errorf("scalings (-want +got):\n%s", d)
			}
		})
	}
}

func TestScalableRefusesWhatHasNoNumber(t *testing.T) {
	s := shop.DeepCopy()
	s.Status.Services = []v1alpha1.ServiceStatus{
		{Name: "agent", Kind: "DaemonSet"}, {Name: "debug", Kind: "Deployment", Host: "web"}, {Name: "migrate", Kind: "Job"}, {Name: "web", Kind: "Deployment"},
	}
	err := scalable(s, []scaling{{service: "web"}, {service: "agent"}, {service: "debug"}, {service: "migrate"}, {service: "wbe"}})
	want := "service agent runs once on every node (mode: global); it has no number to set\n" +
		"service debug runs in the pods of web, one in each; scale that one\n" +
		"service migrate is a Job, which runs to its end; change the file\n" +
		"service wbe: stack shop has none; it has agent, debug, migrate, web"
	if err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
	if err := scalable(s, []scaling{{service: "web"}}); err != nil {
		t.Error(err)
	}
}
