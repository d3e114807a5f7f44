package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"nagi.dev/test/lab"
)

func TestWipeLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.New(t), "wiped", lab.Options{})
	// The shim of a server in a container, which has the same paths as ours.
	shim := filepath.Join(s.Home(), "shim.sh")
	if err := s.WriteFile(shim, []byte(`exec -a "containerd-shim -address /run/nagi/containerd.sock" sleep 1000000`), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Start(t, "unshare", "--pid", "--fork", "--kill-child", "bash", shim)
	eventually(t, 10*time.Second, "the shim of another server runs", func() (string, bool) {
		code, out := s.Try(t.Context(), "sh", "-c", "cat /proc/[0-9]*/comm | grep -x sleep")
		return out, code == 0
	})
	before := traces(t, s)
	s.up(t)
	s.load(t, "busybox")
	s.apply(t, busybox("left", 2, "sleep 1000000")+`---
apiVersion: v1
kind: Service
metadata: {name: left}
spec: {type: LoadBalancer, selector: {app: left}, ports: [{port: 8099, targetPort: 80}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: left}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`)
	s.kubectl(t, "rollout", "status", "deployment/left", "--timeout=90s")
	if during := traces(t, s); during == before {
		t.Fatal("a running server leaves no trace: this test looks at the wrong things")
	}
	s.Run(t, s.nagi, "down", "--wipe", "--yes")
	if after := traces(t, s); after != before {
		t.Errorf("before up:\n%s\nafter down --wipe:\n%s", before, after)
	}
}

func TestWipeAfterACrashLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.New(t), "crashed", lab.Options{})
	before := traces(t, s)
	s.up(t)
	s.load(t, "busybox")
	s.apply(t, busybox("left", 1, "sleep 1000000"))
	s.kubectl(t, "rollout", "status", "deployment/left", "--timeout=90s")
	s.kill(t, s.status(t).PID)
	s.Run(t, s.nagi, "down", "--wipe", "--yes")
	if after := traces(t, s); after != before {
		t.Errorf("before up:\n%s\nafter down --wipe:\n%s", before, after)
	}
}

// traces is what a server could leave on a machine: processes, mounts, network
// namespaces, links, routes, firewall tables, cgroups and files. Empty folders
// do not count: those of /run belong to the tools that everyone uses.
func traces(t *testing.T, s site) string {
	t.Helper()
	out := s.Run(t, "sh", "-c", `
		echo processes; cat /proc/[0-9]*/comm | grep -v -x -e sh -e cat -e grep -e sort | sort
		echo mounts; cut -d' ' -f2,3 /proc/mounts | grep -v -e '^/sys' -e '^/proc/sys' | sort
		echo netns; ls /run/netns 2>/dev/null
		echo links; ip -br link | cut -d' ' -f1; ip route; ip rule
		echo nftables; nft list tables
		echo cgroups; find /sys/fs/cgroup -path "*$NAGI_CGROUP_ROOT/*" -type d
		echo files; find /var/lib /var/log /run /etc/nagi -type f 2>/dev/null || true`)
	return out
}
