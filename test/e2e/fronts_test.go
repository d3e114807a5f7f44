package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAReplicatedServiceBalancesAndHidesTheDeathOfAReplica(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "replicated")
	kubectl("apply", "-f", example(t, "replicated"))
	workload, _, _ := strings.Cut(answers("dict", 3), "---") // the Service is its own
	s.applyIn(t, "replicated", strings.Replace(workload, "echo dict", "hostname", 1)+"---\n"+app)
	kubectl("rollout", "status", "deployment/dict", "--timeout=90s")
	kubectl("rollout", "status", "deployment/app", "--timeout=90s")
	eventually(t, 60*time.Second, "it is ready", func() (string, bool) {
		out := kubectl("get", "replicatedservice", "dict")
		return out, strings.Contains(out, "True") && strings.Contains(out, "3/3")
	})
	ask := func(n int, url string) []string {
		return strings.Fields(kubectl("exec", "deploy/app", "-c", "main", "--", "sh", "-c", fmt.Sprintf("for i in $(seq %d); do timeout 5 wget -qO- %s || echo failed; done", n, url)))
	}
	seen := map[string]int{}
	for _, name := range ask(30, "http://dict/") {
		seen[name]++
	}
	if len(seen) != 3 || seen["failed"] > 0 {
		t.Errorf("answers: %v", seen)
	}
	t.Run("a replica that is killed costs no request", func(t *testing.T) {
		pod := kubectl("get", "pods", "-l", "app=dict", "-o", "jsonpath={.items[0].metadata.name}")
		kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")
		for _, name := range ask(40, "http://dict/") {
			if name == "failed" {
				t.Error("a request failed")
			}
		}
	})
	t.Run("a cache answers in place of the replicas", func(t *testing.T) {
		kubectl("apply", "-f", example(t, "cached"))
		eventually(t, 60*time.Second, "it is ready", func() (string, bool) {
			out := kubectl("get", "replicatedservice", "fast")
			return out, strings.Contains(out, "True") && strings.Contains(out, "2 ")
		})
		ask(10, "http://fast/")
		kept := map[string]int{}
		for _, name := range ask(30, "http://fast/") {
			kept[name]++
		}
		if len(kept) > 2 || kept["failed"] > 0 { // two routers, each with its own memory
			t.Errorf("answers: %v", kept)
		}
		kubectl("delete", "replicatedservice", "fast")
	})
	t.Run("what it made goes with it, and the workload stays", func(t *testing.T) {
		kubectl("delete", "replicatedservice", "dict")
		eventually(t, 30*time.Second, "its objects are gone", func() (string, bool) {
			out := kubectl("get", "deployments,services", "-o", "name")
			return out, !strings.Contains(out, "router") && !strings.Contains(out, "service/") && strings.Contains(out, "deployment.apps/dict")
		})
	})
}

func TestAShardedServiceIsOneStoreOfMany(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "redis")
	kubectl := s.in(t, "sharded")
	kubectl("apply", "-f", example(t, "sharded"))
	s.applyIn(t, "sharded", strings.Replace(app, "busybox:latest", "redis:7-alpine", 1))
	kubectl("rollout", "status", "deployment/app", "--timeout=90s")
	eventually(t, 90*time.Second, "it is ready", func() (string, bool) {
		out := kubectl("get", "shardedservice", "store")
		return out, strings.Contains(out, "True") && strings.Contains(out, "3/3")
	})
	write := strings.Replace(sets, "redis-cli", "redis-cli -h store", 1)
	kubectl("exec", "deploy/app", "-c", "main", "--", "sh", "-c", write+" > /dev/null")
	out := kubectl("exec", "deploy/app", "-c", "main", "--", "redis-cli", "-h", "store", "MGET", "key:1", "key:30", "key:60")
	if got := strings.Join(strings.Fields(out), " "); got != "1 30 60" {
		t.Errorf("MGET over the shards: %q", got)
	}
	for i := range 3 {
		if n := strings.TrimSpace(kubectl("exec", fmt.Sprintf("store-%d", i), "--", "redis-cli", "DBSIZE")); n == "0" {
			t.Errorf("shard %d has no key", i)
		}
	}
	t.Run("another number of shards is refused where keys would be lost", func(t *testing.T) {
		code, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "sharded", "patch", "shardedservice", "store", "--type=merge", "-p", `{"spec":{"shards":4}}`)
		if code == 0 || !strings.Contains(out, "reshard: Drop") {
			t.Errorf("code %d: %s", code, out)
		}
	})
}

const index = `apiVersion: v1
kind: Service
metadata: {name: index}
spec: {clusterIP: None, selector: {app: index}, ports: [{name: http, port: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: index}
spec:
  serviceName: index
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: index}}
  template:
    metadata: {labels: {app: index}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: busybox:latest
        imagePullPolicy: Never
        command: [sh, -c, 'mkdir -p /tmp/w; n=${HOSTNAME#index-}; echo "{\"hits\":[{\"name\":\"a$n\",\"score\":$n},{\"name\":\"b$n\",\"score\":1$n}]}" > /tmp/w/hits.json; exec httpd -f -p 8080 -h /tmp/w']
        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
---
`

func TestAScatterGatherMergesWhatItsLeavesAnswer(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "scatter")
	kubectl("apply", "-f", example(t, "scatter"))
	s.applyIn(t, "scatter", index+app)
	kubectl("rollout", "status", "deployment/app", "--timeout=90s")
	eventually(t, 60*time.Second, "it is ready", func() (string, bool) {
		out := kubectl("get", "scattergather", "search")
		return out, strings.Contains(out, "True") && strings.Contains(out, "3/3")
	})
	search := func() string {
		_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "scatter", "exec", "deploy/app", "-c", "main", "--", "sh", "-c", "timeout 5 wget -SqO- http://search/hits.json 2>&1")
		return out
	}
	if out := search(); !strings.Contains(out, `b2`) || !strings.Contains(out, `b0`) || strings.Contains(out, `a2`) {
		t.Errorf("the three best are b2, b1 and b0:\n%s", out)
	}
	t.Run("a leaf that fails is told in the coverage; below the bound it is an error", func(t *testing.T) {
		kubectl("exec", "index-2", "--", "rm", "/tmp/w/hits.json")
		eventually(t, 20*time.Second, "the best of two thirds", func() (string, bool) {
			out := search()
			return out, strings.Contains(out, "b1") && !strings.Contains(out, "b2") && strings.Contains(out, "2/3")
		})
		kubectl("exec", "index-1", "--", "rm", "/tmp/w/hits.json")
		eventually(t, 20*time.Second, "one third is too little", func() (string, bool) {
			out := search()
			return out, strings.Contains(out, "503")
		})
	})
}
