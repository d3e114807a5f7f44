package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/internal/status"
	"nagi.dev/test/lab"
)

// quiet is a server that listens nowhere beyond its machine; tests that kill
// parts of it use it one after another and leave it running.
var quiet alone

type alone struct{ commons }

func (a *alone) use(t testing.TB) site {
	t.Helper()
	a.once.Do(func() {
		l, err := lab.Open()
		if err != nil {
			t.Fatal(err)
		}
		a.lab = l
		a.server = newSite(t, l, "quiet", lab.Options{})
		a.server.up(t)
		a.server.load(t, "busybox")
		a.ready = true
	})
	if !a.ready {
		t.Fatal("the quiet server did not start: see the first test that failed")
	}
	return a.server
}

// status is what the server says of itself.
func (s site) status(t testing.TB) (st status.Status) {
	t.Helper()
	b, err := s.ReadFile("/run/nagi/status.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// part returns the pid of one of the server's processes.
func (s site) part(t testing.TB, name string) int {
	t.Helper()
	for _, p := range s.status(t).Parts {
		if p.Name == name && p.PID > 0 {
			return p.PID
		}
	}
	t.Fatalf("no part %s runs: %+v", name, s.status(t).Parts)
	return 0
}

// kill ends processes of the machine the hard way, at once: the children of a
// server end with it.
func (s site) kill(t testing.TB, pids ...int) {
	t.Helper()
	args := []string{"kill", "-KILL"}
	for _, p := range pids {
		args = append(args, strconv.Itoa(p))
	}
	s.Run(t, args...)
}

// containers returns each container's id and start time, by pod, as the API
// tells them.
func (s site) containers(t testing.TB, namespace string) map[string]string {
	t.Helper()
	pods, err := s.client(t).CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			if c.State.Running != nil {
				all[p.Name+"/"+c.Name] = fmt.Sprint(c.ContainerID, " ", c.State.Running.StartedAt.Unix(), " ", c.RestartCount)
			}
		}
	}
	return all
}

// settled waits until the server serves again and the node reports afresh.
func (s site) settled(t testing.TB) {
	t.Helper()
	eventually(t, time.Minute, "the server is ready", func() (string, bool) {
		code, out := s.Try(t.Context(), s.nagi, "kubectl", "get", "--raw", "/readyz")
		return out, code == 0
	})
	since := time.Now()
	eventually(t, time.Minute, "the node reports", func() (string, bool) {
		code, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "kube-node-lease", "get", "lease", "-o", "jsonpath={.items[0].spec.renewTime}")
		at, _ := time.Parse(time.RFC3339, strings.TrimSpace(out))
		return out, code == 0 && at.After(since)
	})
}

func (s site) waitForNoProcess(t testing.TB) {
	t.Helper()
	eventually(t, 20*time.Second, "no process of a server is left", func() (string, bool) {
		_, out := s.Try(t.Context(), "sh", "-c", `readlink /proc/[0-9]*/exe | grep -Fx "$0"`, s.nagi)
		return out, out == ""
	})
}

func TestPodsOutliveTheServer(t *testing.T) {
	s := quiet.use(t)
	s.kubectl(t, "create", "namespace", "outlive")
	s.kubectl(t, "-n", "outlive", "create", "deployment", "steady", "--image=busybox:latest", "--replicas=3", "--", "sleep", "1000000")
	s.kubectl(t, "-n", "outlive", "patch", "deployment", "steady", "-p", `{"spec":{"template":{"spec":{"containers":[{"name":"busybox","imagePullPolicy":"Never"}]}}}}`)
	s.kubectl(t, "-n", "outlive", "rollout", "status", "deployment/steady", "--timeout=90s")
	eventually(t, time.Minute, "three containers run", func() (string, bool) {
		c := s.containers(t, "outlive")
		return fmt.Sprint(c), len(c) == 3
	})
	for _, tt := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"the server is killed", func(t *testing.T) { s.kill(t, s.status(t).PID); s.up(t) }},
		{"containerd is killed", func(t *testing.T) { s.kill(t, s.part(t, "containerd")) }},
		{"the control plane is killed", func(t *testing.T) { s.kill(t, s.part(t, "control")) }},
		{"the node's process is killed", func(t *testing.T) { s.kill(t, s.part(t, "node")) }},
		{"server and containerd are killed at once", func(t *testing.T) {
			s.kill(t, s.status(t).PID, s.part(t, "containerd"))
			s.up(t)
		}},
		{"the server is told to end, and started again", func(t *testing.T) {
			s.Run(t, "kill", "-TERM", strconv.Itoa(s.status(t).PID))
			eventually(t, time.Minute, "the server has gone", func() (string, bool) {
				code, out := s.Try(t.Context(), "test", "-e", "/run/nagi/status.json")
				return out, code != 0
			})
			s.up(t)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := s.containers(t, "outlive")
			tt.do(t)
			s.settled(t)
			if after := s.containers(t, "outlive"); !maps.Equal(before, after) {
				t.Errorf("containers before: %v\nafter: %v", before, after)
			}
			eventually(t, 20*time.Second, "the kubelet knows its pods again", func() (string, bool) {
				_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "outlive", "exec", "deploy/steady", "--", "echo", "alive")
				return out, out == "alive\n"
			})
		})
	}
}

func TestAPowerOffLosesNoObject(t *testing.T) {
	s := quiet.use(t)
	s.kubectl(t, "create", "namespace", "power")
	s.apply(t, strings.Replace(busybox("lit", 2, "sleep 1000000"), "metadata: {name: lit}", "metadata: {name: lit, namespace: power}", 1))
	for i := range 20 {
		s.kubectl(t, "-n", "power", "create", "configmap", "c"+strconv.Itoa(i), "--from-literal=i="+strconv.Itoa(i))
	}
	if err := s.PowerOff(); err != nil {
		t.Fatal(err)
	}
	if err := s.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.up(t)
	maps := strings.Fields(s.kubectl(t, "-n", "power", "get", "configmaps", "-o", "name"))
	for i := range 20 {
		if !slices.Contains(maps, "configmap/c"+strconv.Itoa(i)) {
			t.Errorf("ConfigMap c%d is lost; there are %v", i, maps)
		}
	}
	s.settled(t)
	eventually(t, 90*time.Second, "the Deployment is back", func() (string, bool) {
		out := s.kubectl(t, "-n", "power", "get", "pods")
		return out, strings.Count(out, "1/1") == 2
	})
}

func TestASecondServerIsRefused(t *testing.T) {
	s := quiet.use(t)
	before := s.status(t).PID
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"on the same data folder", []string{"server"}, "another server"},
		{"on a busy port", []string{"up", "--data-dir", "/var/lib/second"}, "6443"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out := s.Try(t.Context(), append([]string{"timeout", "20", s.nagi}, tt.args...)...)
			if code != 1 || !strings.Contains(out, tt.want) {
				t.Errorf("exit code %d, says:\n%s", code, out)
			}
			if st := s.status(t); st.PID != before || !st.Ready {
				t.Errorf("the first server was harmed: %+v", st)
			}
		})
	}
}

func TestUpRefusesWhatCannotWork(t *testing.T) {
	l := lab.New(t)
	for _, tt := range []struct {
		name    string
		options lab.Options
		prepare []string
		want    string
	}{
		{"a full disk", lab.Options{Disk: 64 << 20}, []string{"true"}, "/var/lib"},
		{"a damaged data folder", lab.Options{}, []string{"sh", "-c", "mkdir -p /var/lib/nagi/etcd && echo rubbish > /var/lib/nagi/etcd/member"}, "etcd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, l, strings.ReplaceAll(tt.name, " ", ""), tt.options)
			s.Run(t, tt.prepare...)
			before := s.Run(t, "find", "/var/lib", "-path", "*etcd*")
			code, out := s.Try(t.Context(), "timeout", "60", s.nagi, "up")
			if code != 1 || !strings.Contains(out, tt.want) {
				t.Errorf("exit code %d, says:\n%s", code, out)
			}
			if after := s.Run(t, "find", "/var/lib", "-path", "*etcd*"); after != before {
				t.Errorf("it left\n%sbefore there was\n%s", after, before)
			}
			s.waitForNoProcess(t)
		})
	}
}
