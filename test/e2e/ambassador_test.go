package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// answers is a Deployment and a Service that answer with their name.
func answers(name string, replicas int) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: busybox:latest
        imagePullPolicy: Never
        command: [sh, -c, "mkdir -p /tmp/w && echo %[1]s > /tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w"]
        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec: {selector: {app: %[1]s}, ports: [{port: 80, targetPort: 8080}]}
---
`, name, replicas)
}

const app = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: main, image: "busybox:latest", imagePullPolicy: Never, command: [sleep, "1000000"]}
`

// asks20 asks the ambassador of the pod and counts the answers by their text.
func asks20(kubectl func(...string) string) map[string]int {
	out := kubectl("exec", "deploy/app", "-c", "main", "--", "sh", "-c", "for i in $(seq 20); do timeout 3 wget -qO- http://127.0.0.1:8000/ || echo failed; done")
	counts := map[string]int{}
	for _, word := range strings.Fields(out) {
		counts[word]++
	}
	return counts
}

func TestAnAmbassadorSplitsAndLivesWithoutItsMaster(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "ambassador")
	kubectl("apply", "-f", example(t, "split"))
	s.applyIn(t, "ambassador", answers("stable", 2)+answers("next", 1)+app)
	for _, d := range []string{"stable", "next", "app"} {
		kubectl("rollout", "status", "deployment/"+d, "--timeout=90s")
	}
	t.Run("both arms answer, by their weight", func(t *testing.T) {
		eventually(t, 30*time.Second, "the ambassador is ready", func() (string, bool) {
			out := kubectl("get", "ambassadors")
			return out, strings.Contains(out, "True") && strings.Contains(out, "3/3")
		})
		counts := map[string]int{}
		for range 5 {
			for word, n := range asks20(kubectl) {
				counts[word] += n
			}
		}
		if counts["stable"]+counts["next"] != 100 || counts["next"] < 1 || counts["next"] > 30 {
			t.Errorf("answers: %v", counts)
		}
	})
	t.Run("a change of the arms reaches running pods", func(t *testing.T) {
		kubectl("patch", "ambassador", "experiment", "--type=merge", "-p", `{"spec":{"split":{"routes":[{"target":{"service":"next"}}]}}}`)
		eventually(t, 20*time.Second, "only next answers", func() (string, bool) {
			counts := asks20(kubectl)
			return fmt.Sprint(counts), counts["next"] == 20
		})
	})
	t.Run("endpoints that come and go are followed", func(t *testing.T) {
		kubectl("scale", "deployment/next", "--replicas=3")
		eventually(t, 30*time.Second, "three endpoints are counted", func() (string, bool) {
			out := kubectl("get", "ambassador", "experiment", "-o", "jsonpath={.status.summary}")
			return out, out == "3/3"
		})
		kubectl("delete", "pods", "-l", "app=next", "--wait=true")
		kubectl("rollout", "status", "deployment/next", "--timeout=60s")
		eventually(t, 20*time.Second, "the new ones answer", func() (string, bool) {
			counts := asks20(kubectl)
			return fmt.Sprint(counts), counts["next"] == 20
		})
	})
	t.Run("without platform and API server it serves, and starts again", func(t *testing.T) {
		pod := strings.TrimSpace(s.Run(t, "sh", "-c", "pgrep -f '[n]agi-plane proxy --follow'"))
		main := strings.TrimSpace(s.Run(t, "sh", "-c", "pgrep -f '[s]leep 1000000' | head -1"))
		ask := func() string {
			_, out := s.Try(t.Context(), "nsenter", "-n", "-t", main, "curl", "-sS", "-m", "3", "http://127.0.0.1:8000/")
			return strings.TrimSpace(out)
		}
		var paused []string
		for _, part := range []string{"platform", "control"} {
			paused = append(paused, strconv.Itoa(s.part(t, part)))
		}
		s.Run(t, append([]string{"kill", "-STOP"}, paused...)...)
		defer s.Run(t, append([]string{"kill", "-CONT"}, paused...)...)
		for range 20 {
			if got := ask(); got != "next" {
				t.Fatalf("without its master it answers %q", got)
			}
		}
		s.Run(t, "kill", "-KILL", pod)
		eventually(t, 60*time.Second, "the plane that was killed serves what it kept", func() (string, bool) {
			out := ask()
			return out, out == "next"
		})
	})
	s.settled(t)
	if out := kubectl("logs", "deploy/app", "-c", "nagi-ambassador-experiment"); !strings.Contains(out, "running the document that was kept") {
		t.Errorf("the plane that was killed says:\n%s", out)
	}
}

func TestABrokerFindsTheBackendOfItsEnvironment(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "broker")
	kubectl("apply", "-f", example(t, "broker"))
	eventually(t, 10*time.Second, "it says that it does not know where it is", func() (string, bool) {
		out := kubectl("get", "ambassador", "backend", "-o", "jsonpath={.status.conditions[?(@.type==\"Stalled\")].reason}")
		return out, out == "NoEnvironment"
	})
	for _, env := range []struct{ label, answer string }{{"production", "stable"}, {"test", "next"}} {
		s.kubectl(t, "label", "namespace", "broker", "--overwrite", "nagi.dev/environment="+env.label)
		if env.label == "production" {
			s.applyIn(t, "broker", answers("stable", 1)+answers("next", 1)+app)
			for _, d := range []string{"stable", "next", "app"} {
				kubectl("rollout", "status", "deployment/"+d, "--timeout=90s")
			}
		}
		eventually(t, 20*time.Second, env.answer+" answers in "+env.label, func() (string, bool) {
			counts := asks20(kubectl)
			return fmt.Sprint(counts), counts[env.answer] == 20
		})
	}
}

// sets writes 120 keys. Of keys that differ in their last letters only, fnv1a
// puts many on one shard: it does so in twemproxy, too.
const sets = `for i in $(seq 60); do echo SET key:$i $i; echo SET $(echo $i | md5sum | cut -c1-8) $i; done | redis-cli`

func TestAnAmbassadorShardsRedis(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "redis")
	kubectl := s.in(t, "sharding")
	kubectl("apply", "-f", example(t, "shard"))
	s.applyIn(t, "sharding", strings.Replace(app, "busybox:latest", "redis:7-alpine", 1))
	kubectl("rollout", "status", "statefulset/redis", "--timeout=120s")
	kubectl("rollout", "status", "deployment/app", "--timeout=90s")
	eventually(t, 20*time.Second, "three shards are ready", func() (string, bool) {
		out := kubectl("get", "ambassador", "cache")
		return out, strings.Contains(out, "3/3")
	})
	cli := func(args ...string) string {
		return strings.TrimSpace(kubectl(append([]string{"exec", "deploy/app", "-c", "main", "--", "redis-cli"}, args...)...))
	}
	kubectl("exec", "deploy/app", "-c", "main", "--", "sh", "-c", sets+` > /dev/null`)
	if got := cli("MGET", "key:1", "key:30", "key:60"); strings.Join(strings.Fields(got), " ") != "1 30 60" {
		t.Errorf("MGET over the shards: %q", got)
	}
	sum := 0
	for i := range 3 {
		n, _ := strconv.Atoi(strings.TrimSpace(kubectl("exec", fmt.Sprintf("redis-%d", i), "--", "redis-cli", "DBSIZE")))
		if n == 0 {
			t.Errorf("shard %d has no key", i)
		}
		sum += n
	}
	if sum != 120 {
		t.Errorf("120 keys became %d", sum)
	}
	t.Run("a shard that is made anew at another address is found again", func(t *testing.T) {
		kubectl("delete", "pod", "redis-1", "--wait=true")
		kubectl("rollout", "status", "statefulset/redis", "--timeout=60s")
		eventually(t, 20*time.Second, "every key can be written", func() (string, bool) {
			out := kubectl("exec", "deploy/app", "-c", "main", "--", "sh", "-c", sets+` | sort | uniq -c`)
			return out, strings.TrimSpace(out) == "120 OK"
		})
	})
}

func TestTheTLSSidecarShowsACertificate(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "tls")
	s.Run(t, "sh", "-c", "cd /tmp && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web.key -out web.crt -days 1 -subj /CN=web -addext subjectAltName=DNS:web 2>/dev/null")
	kubectl("create", "secret", "tls", "web-tls", "--cert=/tmp/web.crt", "--key=/tmp/web.key")
	kubectl("apply", "-f", example(t, "tls"))
	s.applyIn(t, "tls", strings.Replace(webApp, "exec httpd", "echo plain > /tmp/www/index.html; exec httpd", 1))
	kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	pod := kubectl("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].status.podIP}")
	out := s.Run(t, "curl", "-fsS", "-m", "5", "--cacert", "/tmp/web.crt", "--resolve", "web:8443:"+pod, "https://web:8443/")
	if strings.TrimSpace(out) != "plain" {
		t.Errorf("answer over TLS: %q", out)
	}
}

func TestAnAmbassadorTakesANutcrackerFile(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "redis")
	kubectl := s.in(t, "nutcracker")
	s.applyIn(t, "nutcracker", `apiVersion: nagi.dev/v1alpha1
kind: Ambassador
metadata: {name: cache}
spec:
  selector: {matchLabels: {app: app}}
  listen: 127.0.0.1:6379
  protocol: redis
  shard: {nutcracker: {configMap: proxy}}
---
apiVersion: v1
kind: Service
metadata: {name: one}
spec: {selector: {app: one}, ports: [{port: 6379}]}
---
`+strings.Replace(strings.ReplaceAll(strings.Replace(app, "[sleep, \"1000000\"]", "[redis-server, --save, '', --protected-mode, 'no']", 1), ": app}", ": one}"), "busybox:latest", "redis:7-alpine", 1)+"---\n"+strings.Replace(app, "busybox:latest", "redis:7-alpine", 1))
	eventually(t, 20*time.Second, "it says that the file is not there", func() (string, bool) {
		out := kubectl("get", "ambassador", "cache", "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].message}")
		return out, strings.Contains(out, "ConfigMap proxy, nutcracker.yml: it is not there")
	})
	s.applyIn(t, "nutcracker", `apiVersion: v1
kind: ConfigMap
metadata: {name: proxy}
data:
  nutcracker.yml: |
    alpha:
      listen: 127.0.0.1:22121
      hash: fnv1a_64
      distribution: ketama
      redis: true
      servers:
      - one.nutcracker.svc.cluster.local:6379:1 one
`)
	kubectl("rollout", "status", "deployment/one", "--timeout=60s")
	kubectl("rollout", "status", "deployment/app", "--timeout=60s")
	eventually(t, 20*time.Second, "it answers", func() (string, bool) {
		_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "nutcracker", "exec", "deploy/app", "-c", "main", "--", "redis-cli", "SET", "a", "b")
		return out, strings.TrimSpace(out) == "OK"
	})
}

func TestAnAmbassadorComparesTheAnswersOfAShadow(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "tee")
	kubectl("apply", "-f", example(t, "tee"))
	s.applyIn(t, "tee", answers("stable", 1)+answers("next", 1)+app)
	for _, d := range []string{"stable", "next", "app"} {
		kubectl("rollout", "status", "deployment/"+d, "--timeout=90s")
	}
	eventually(t, 20*time.Second, "only stable answers", func() (string, bool) {
		counts := asks20(kubectl)
		return fmt.Sprint(counts), counts["stable"] == 20
	})
	eventually(t, 20*time.Second, "what next answers differently is told", func() (string, bool) {
		out := kubectl("exec", "deploy/app", "-c", "main", "--", "wget", "-qO-", "http://127.0.0.1:15900/differences")
		return out, strings.Contains(out, "next")
	})
}
