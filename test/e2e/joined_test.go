package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tunnel is a stack of three services in one pod, one that the pod waits for,
// and one outside of it.
const tunnel = `name: tunnel
x-calm: &calm {image: "busybox:latest", pull_policy: never, stop_grace_period: 1s}
services:
  vpn:
    <<: *calm
    command: sh -c "echo vpn speaks; sleep 3; mkdir -p /tmp/www; echo vpn > /tmp/www/index.html; touch /tmp/up; exec httpd -f -p 80 -h /tmp/www"
    healthcheck: {test: [CMD, test, -e, /tmp/up], interval: 1s, retries: 60}
    environment: {WHO: vpn}
    ports: ["8091:80", "8092:8080"]
    shm_size: 8m
    tmpfs: ["/own:size=1m"]
    volumes: ["log:/log"]
  app:
    <<: *calm
    network_mode: service:vpn
    command: sh -c "echo app speaks; echo $$WORD; mkdir -p /tmp/www; echo app > /tmp/www/index.html; httpd -p 8080 -h /tmp/www; exec sleep 77777"
    depends_on:
      vpn: {condition: service_healthy}
      db: {condition: service_healthy}
    pre_start:
      - {command: [sh, -c, "wget -qO /log/seen http://127.0.0.1/"]}
    healthcheck: {test: [CMD, wget, -qO-, "http://127.0.0.1:8080/"], interval: 1s, retries: 60}
    environment: {WHO: app, WORD: first}
    user: "1000:1001"
    group_add: ["2000"]
    tmpfs: ["/own:size=2m"]
    volumes: ["log:/log"]
    ulimits: {nofile: 321}
    deploy: {resources: {limits: {memory: 48m}}}
    develop: {watch: [{path: ./src, action: sync, target: /tmp/src, initial_sync: true}]}
  debug:
    <<: *calm
    pid: service:app
    ipc: service:vpn
    command: sh -c "echo debug speaks; exec sleep 88888"
  db:
    <<: *calm
    command: sh -c "sleep 2; touch /tmp/up; exec sleep 1000000"
    healthcheck: {test: [CMD, test, -e, /tmp/up], interval: 1s, retries: 60}
  asker: {<<: *calm, command: sleep 1000000, depends_on: {app: {condition: service_healthy}}}
volumes: {log: {}}
`

// joinedProbes look at the services from inside.
var joinedProbes = []probe{
	{"network_mode", "app", "wget -qO- http://127.0.0.1/", "vpn"},
	{"the other way", "vpn", "wget -qO- http://127.0.0.1:8080/", "app"},
	{"depends_on, pre_start", "app", "cat /log/seen", "vpn"},
	{"environment", "app", "echo $WHO", "app"},
	{"environment of the host", "vpn", "echo $WHO", "vpn"},
	{"user, group_add", "app", "echo $(id -u) $(id -g) $(id -G)", "1000 1001 1001 2000"},
	{"group_add is of one only", "vpn", "id -G", "0( 10)?"},
	{"ulimits", "app", "ulimit -n", "321"},
	{"memory", "app", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max", "50331648"},
	{"tmpfs", "app", "df -k /own | awk 'END {print $2}'", "2048"},
	{"tmpfs of the host", "vpn", "df -k /own | awk 'END {print $2}'", "1024"},
	{"pid", "debug", "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done | grep -c '^sleep 77777'", "1"},
	{"ipc", "debug", "echo shared > /dev/shm/word; df -k /dev/shm | awk 'END {print $2}'", "8192"},
	{"ipc of the host", "vpn", "cat /dev/shm/word", "shared"},
	{"ipc is of two only", "app", "test -e /dev/shm/word || echo none", "none"},
	{"the name of the host", "asker", "wget -qO- http://vpn/", "vpn"},
	{"the name of what shares no network in the file", "asker", "wget -qO- http://debug:8080/", "app"},
	{"what joins a network has no name of its own", "asker", "nslookup app.tunnel.svc.cluster.local >/dev/null 2>&1 || echo none", "none"},
}

func TestServicesThatJoinAnother(t *testing.T) {
	s := shared.use(t)
	file := s.compose(t, "tunnel", tunnel)
	deploy := func(text string) {
		t.Helper()
		if err := s.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.Run(t, s.nagi, "deploy", "-f", file, "--approximate", "--timeout", "3m")
	}
	write := func(text string) {
		t.Helper()
		if err := s.WriteFile(filepath.Join(filepath.Dir(file), "src", "word"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	s.Run(t, s.nagi, "deploy", "-f", file, "--timeout", "3m")
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "tunnel", "--wait=false") })
	inside := func(service, script string) string {
		t.Helper()
		host := service
		if service == "app" || service == "debug" {
			host = "vpn"
		}
		_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "tunnel", "exec", "deploy/"+host, "-c", service, "--", "sh", "-c", script)
		return out
	}
	for _, p := range joinedProbes {
		t.Run(p.rows, func(t *testing.T) { hold(t, p.rows, inside(p.service, p.script), p.want) })
	}
	t.Run("published ports answer, that of each", func(t *testing.T) {
		for port, want := range map[string]string{"8091": "vpn\n", "8092": "app\n"} {
			eventually(t, 10*time.Second, "port "+port, func() (string, bool) {
				_, out := shared.outside.Try(t.Context(), "curl", "-s", "-m", "2", "http://"+sharedAddress+":"+port+"/")
				return out, out == want
			})
		}
	})
	t.Run("ps has a row a service", func(t *testing.T) {
		got := s.servicesOf(t, "tunnel")
		want := "app Ready 1/1 vpn, asker Ready 1/1 , db Ready 1/1 , debug Ready 1/1 vpn, vpn Ready 1/1 "
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("logs are told apart", func(t *testing.T) {
		for service, want := range map[string]string{"vpn": "vpn speaks\n", "app": "app speaks\nfirst\n", "debug": "debug speaks\n"} {
			got := s.Run(t, s.nagi, "logs", "-p", "tunnel", "--no-prefix", service)
			if !strings.HasSuffix(got, want) || service != "app" && got != want { // app has a helper that waits
				t.Errorf("%s says %q, want %q", service, got, want)
			}
		}
	})
	t.Run("one that ends starts again alone", func(t *testing.T) {
		inside("debug", "for p in /proc/[0-9]*; do grep -q '^sleep.77777' $p/cmdline && kill ${p#/proc/}; done")
		eventually(t, 30*time.Second, "app runs again", func() (string, bool) {
			out := s.kubectl(t, "-n", "tunnel", "get", "pods", "-l", "nagi.dev/service=vpn", "-o",
				`jsonpath={range .items[0].status['containerStatuses','initContainerStatuses'][?(@.restartCount>0)]}{.name} {end}`)
			return out, out == "app "
		})
	})
	t.Run("scaling the host scales all, and what joins cannot be scaled", func(t *testing.T) {
		code, out := s.Try(t.Context(), s.nagi, "scale", "-p", "tunnel", "app=2")
		if code != 1 || !strings.Contains(out, "service app runs in the pods of vpn, one in each; scale that one") {
			t.Errorf("scale app=2: %d %s", code, out)
		}
		s.Run(t, s.nagi, "scale", "-p", "tunnel", "vpn=2")
		eventually(t, time.Minute, "two of each", func() (string, bool) {
			out := s.servicesOf(t, "tunnel")
			return out, strings.Contains(out, "app Ready 2/2 vpn") && strings.Contains(out, "vpn Ready 2/2")
		})
		s.Run(t, s.nagi, "scale", "-p", "tunnel", "vpn=file")
	})
	t.Run("one service goes back", func(t *testing.T) {
		deploy(strings.ReplaceAll(tunnel, "WORD: first", "WORD: second"))
		hold(t, "environment", inside("app", "echo $WORD"), "second")
		if out := s.Run(t, s.nagi, "history", "-p", "tunnel"); !strings.Contains(out, "  app\n") {
			t.Errorf("history:\n%s", out)
		}
		s.Run(t, s.nagi, "rollback", "-p", "tunnel", "app", "--timeout", "3m")
		hold(t, "environment", inside("app", "echo $WORD"), "first")
	})
	t.Run("changed files come into one of them", func(t *testing.T) {
		said := s.record(t, s.nagi, "deploy", "--watch", "-f", file)
		eventually(t, 2*time.Minute, "the first file is there", func() (string, bool) {
			return said.String(), inside("app", "cat /tmp/src/word") == "one"
		})
		write("two")
		eventually(t, 10*time.Second, "the change is there", func() (string, bool) {
			out := inside("app", "cat /tmp/src/word")
			return out + said.String(), out == "two"
		})
	})
	t.Run("the plain objects are taken by any server", func(t *testing.T) {
		out := s.Run(t, s.nagi, "deploy", "-f", file, "-o", "yaml")
		s.RunWith(t, strings.NewReader(out), s.nagi, "kubectl", "apply", "-n", "tunnel", "--dry-run=server", "-f", "-")
		if chart := s.Run(t, "sh", "-c", fmt.Sprintf("%s deploy -f %s -o helm | tar xzO tunnel/values.yaml", s.nagi, file)); !strings.Contains(chart, "  app:\n    image: busybox:latest\n") {
			t.Errorf("chart:\n%s", chart)
		}
	})
	t.Run("one that stops joining gets a pod of its own", func(t *testing.T) {
		deploy(strings.Replace(strings.Replace(tunnel, "pid: service:app\n    ipc: service:vpn", "init: false", 1), "debug speaks", "alone", 1))
		eventually(t, 30*time.Second, "it is ready", func() (string, bool) {
			out := s.servicesOf(t, "tunnel")
			return out, strings.Contains(out, "debug Ready 1/1 ,")
		})
	})
}

// servicesOf prints how the services of a stack are, by name.
func (s site) servicesOf(t testing.TB, stack string) string {
	t.Helper()
	var rows []struct {
		Service, State, Host string
		Ready, Wanted        int
	}
	if err := json.Unmarshal([]byte(s.Run(t, s.nagi, "ps", stack, "-o", "json")), &rows); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range rows {
		all = append(all, fmt.Sprintf("%s %s %d/%d %s", r.Service, r.State, r.Ready, r.Wanted, r.Host))
	}
	return strings.Join(all, ", ")
}
