package e2e

import (
	"strings"
	"testing"

	"nagi.dev/test/lab"
)

// The same parts go onto a cluster that knows nothing of Nagi, and off it
// again, and what ran goes on.
func TestInstallOntoABareCluster(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.New(t), "bare", lab.Options{})
	if err := s.WriteFile("/etc/nagi/registries.yaml", []byte("registries:\n  127.0.0.1:5000: {insecure: true, username: team, password: hush}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.up(t, "--bare")
	s.load(t, "busybox")
	if kinds := s.kubectl(t, "get", "crd", "-o", "name"); strings.Contains(kinds, "nagi.dev") {
		t.Fatalf("a bare server has kinds of Nagi:\n%s", kinds)
	}
	at := []string{"--kubeconfig", "/etc/nagi/kubeconfig"}

	// Images that no node has are named, with the way out.
	code, out := s.Try(t.Context(), s.nagi, "install", at[0], at[1], "--registry", "127.0.0.1:5000/team", "--timeout", "8s")
	if code != 1 || !strings.Contains(out, "nagi image push") {
		t.Errorf("without the image: exit code %d, want 1 and how to bring it:\n%s", code, out)
	}

	serveRegistry(t, s)
	s.Run(t, s.nagi, "image", "push", "127.0.0.1:5000/team")
	s.Run(t, s.nagi, "install", at[0], at[1], "--registry", "127.0.0.1:5000/team")
	s.Run(t, s.nagi, "install", at[0], at[1], "--registry", "127.0.0.1:5000/team") // again changes nothing

	dir := s.folder(t, "shop", `-- compose.yaml --
services:
  web:
    image: busybox
    user: "65534"
    command: httpd -f -p 8080 -h /data
    volumes: [data:/data]
    healthcheck: {test: [CMD, wget, -qO-, "http://127.0.0.1:8080/"], interval: 1s}
    post_start: [{command: touch /data/index.html}]
  job:
    image: busybox
    command: "true"
    depends_on: {web: {condition: service_healthy}}
    restart: "no"
volumes: {data: {}}
`)
	code, out = s.Try(t.Context(), s.nagi, "deploy", at[0], at[1], "-f", s.folder(t, "limits", `-- compose.yaml --
services: {web: {image: busybox, umask: "0077", ulimits: {nofile: 99}, command: sleep 99}}
`)+"/compose.yaml")
	if code != 1 || !strings.Contains(out, "web: ") {
		t.Errorf("what only Nagi's nodes do: exit code %d, want 1 and the service:\n%s", code, out)
	}
	s.Run(t, s.nagi, "deploy", at[0], at[1], "-f", dir+"/compose.yaml", "--timeout", "2m")
	pod := s.kubectl(t, "-n", "shop", "get", "pods", "-l", "nagi.dev/service=web", "-o", "jsonpath={.items[*].metadata.uid}")

	if log := s.kubectl(t, "-n", "nagi-system", "logs", "deploy/nagi-platform"); strings.Contains(log, "forbidden") {
		t.Errorf("the platform lacks a right:\n%s", log)
	}

	s.Run(t, s.nagi, "uninstall", at[0], at[1], "--yes")
	if left := s.kubectl(t, "get", "crd,clusterrole,clusterrolebinding,namespace", "-o", "name"); strings.Contains(left, "nagi") {
		t.Errorf("after uninstall there are:\n%s", left)
	}
	if now := s.kubectl(t, "-n", "shop", "get", "pods", "-l", "nagi.dev/service=web", "-o", "jsonpath={.items[*].metadata.uid}"); now != pod {
		t.Errorf("the pod was %s and is %s", pod, now)
	}
	s.kubectl(t, "-n", "shop", "rollout", "status", "deployment/web", "--timeout=30s")
}
