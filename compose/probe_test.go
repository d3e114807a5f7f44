package compose

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestProbeCommand(t *testing.T) {
	for _, tt := range []struct {
		name string
		test []string
		want string // words joined by a blank; "": no probe
	}{
		{"a service without a test has no probe", nil, ""},
		{"a test that is switched off is no probe", []string{"NONE"}, ""},
		{"a command runs as it is", []string{"CMD", "pg_isready", "-U", "me"}, "pg_isready -U me"},
		{"a shell line runs in a shell", []string{"CMD-SHELL", "redis-cli ping | grep PONG"}, "/bin/sh -c redis-cli ping | grep PONG"},
		{"references of Kubernetes are not expanded", []string{"CMD-SHELL", "test $(id -u) = 0"}, "/bin/sh -c test $$(id -u) = 0"},
		{"curl --fail is a plane probe", []string{"CMD", "curl", "-f", "http://localhost/"}, plane("http://localhost/ --timeout 30s")},
		{"curl with joined flags and an exit is one", []string{"CMD-SHELL", "curl -fsS http://localhost:80/up || exit 1"}, plane("http://localhost:80/up --timeout 30s")},
		{"an exit without a blank before it too", []string{"CMD-SHELL", "curl -f http://localhost|| exit 1"}, plane("http://localhost --timeout 30s")},
		{"output that is thrown away changes nothing", []string{"CMD-SHELL", "curl -sfo /dev/null http://localhost >/dev/null 2>&1 || exit 1"}, plane("http://localhost --timeout 30s")},
		{"curl without --fail is content with any answer", []string{"CMD", "curl", "localhost:8080"}, plane("http://localhost:8080 --timeout 30s --status 100-599")},
		{"curl's own limit holds when it is shorter", []string{"CMD", "curl", "-f", "-m", "2", "http://a"}, plane("http://a --timeout 2s")},
		{"curl's header, method and trust are kept", []string{"CMD", "curl", "-fkI", "-H", "Host: b", "https://a"}, plane("https://a --timeout 30s --method HEAD --header Host: b --insecure")},
		{"wget as a spider is one", []string{"CMD-SHELL", "wget -q --spider http://localhost:3000/ || exit 1"}, plane("http://localhost:3000/ --timeout 30s")},
		{"wget with long flags is one", []string{"CMD", "wget", "--no-verbose", "--tries=1", "--spider", "http://a/ping"}, plane("http://a/ping --timeout 30s")},
		{"wget to standard output is one", []string{"CMD-SHELL", "wget -qO- http://a || false"}, plane("http://a --timeout 30s")},
		{"wget with a path and an attached number is one", []string{"CMD", "/usr/bin/wget", "-T3", "-t1", "-O", "/dev/null", "http://a"}, plane("http://a --timeout 3s")},
		{"a quoted URL may hold a query", []string{"CMD-SHELL", `curl -f "http://a/?b=c&d=e"`}, plane("http://a/?b=c&d=e --timeout 30s")},
		{"a pipe needs a shell", []string{"CMD-SHELL", "curl -s http://a | grep ok"}, "/bin/sh -c curl -s http://a | grep ok"},
		{"a variable needs a shell", []string{"CMD-SHELL", "curl -f http://a:$PORT"}, "/bin/sh -c curl -f http://a:$PORT"},
		{"an unquoted ampersand needs a shell", []string{"CMD-SHELL", "curl -f http://a/?b&c"}, "/bin/sh -c curl -f http://a/?b&c"},
		{"another exit code needs a shell", []string{"CMD-SHELL", "curl -f http://a || kill 1"}, "/bin/sh -c curl -f http://a || kill 1"},
		{"curl that sends data stays curl", []string{"CMD", "curl", "-f", "-d", "{}", "http://a"}, "curl -f -d {} http://a"},
		{"curl that writes a file stays curl", []string{"CMD", "curl", "-f", "-o", "/tmp/x", "http://a"}, "curl -f -o /tmp/x http://a"},
		{"curl with a password stays curl", []string{"CMD", "curl", "-f", "http://me:pw@a"}, "curl -f http://me:pw@a"},
		{"curl of two pages stays curl", []string{"CMD", "curl", "-f", "http://a", "http://b"}, "curl -f http://a http://b"},
		{"curl of no page stays curl", []string{"CMD", "curl", "-f"}, "curl -f"},
		{"curl of another scheme stays curl", []string{"CMD", "curl", "-f", "ftp://a"}, "curl -f ftp://a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(probeCommand(&types.HealthCheckConfig{Test: tt.test}), " ")
			if got != tt.want {
				t.Errorf("probeCommand = %q\nwant           %q", got, tt.want)
			}
		})
	}
}

func plane(args string) string { return "/.nagi/nagi-plane probe " + args }

func TestSetProbes(t *testing.T) {
	d := func(d time.Duration) *types.Duration { return new(types.Duration(d)) }
	for _, tt := range []struct {
		name             string
		check            types.HealthCheckConfig
		startup, running string // period/timeout/failures
	}{
		{"docker's defaults hold, and the start is looked at often", types.HealthCheckConfig{}, "2/30/45", "30/30/3"},
		{"a start period adds to the patience", types.HealthCheckConfig{StartPeriod: d(time.Minute)}, "5/30/30", "30/30/3"},
		{"a start interval is kept", types.HealthCheckConfig{StartPeriod: d(time.Minute), StartInterval: d(10 * time.Second)}, "10/30/15", "30/30/3"},
		{"a short interval is also that of the start", types.HealthCheckConfig{Interval: d(time.Second), Timeout: d(3 * time.Second), Retries: new(uint64(30))}, "1/3/30", "1/3/30"},
		{"parts of a second are rounded up", types.HealthCheckConfig{Interval: d(1500 * time.Millisecond), Timeout: d(100 * time.Millisecond)}, "2/1/3", "2/1/3"},
		{"no retries are the default ones", types.HealthCheckConfig{Retries: new(uint64(0))}, "2/30/45", "30/30/3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c corev1.Container
			tt.check.Test = types.HealthCheckTest{"CMD", "true"}
			setProbes(&c, &tt.check)
			if diff := cmp.Diff([]string{tt.startup, tt.running, tt.running},
				[]string{times(c.StartupProbe), times(c.ReadinessProbe), times(c.LivenessProbe)}); diff != "" {
				t.Errorf("startup, readiness, liveness (-want +got):\n%s", diff)
			}
		})
	}
}

func times(p *corev1.Probe) string {
	return fmt.Sprintf("%d/%d/%d", p.PeriodSeconds, p.TimeoutSeconds, p.FailureThreshold)
}
