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
