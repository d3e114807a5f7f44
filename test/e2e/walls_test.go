package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// talker is a pod that serves on port 80 and can ask others.
func talker(namespace, name, labels string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {namespace: %[1]s, name: %[2]s, labels: {name: %[2]s, %[3]s}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: busybox:latest
    imagePullPolicy: Never
    command: [sh, -c, "mkdir -p /tmp/www && echo I am %[2]s > /tmp/www/index.html && exec httpd -f -p 80 -h /tmp/www"]
    ports: [{name: web, containerPort: 80}]
    readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {namespace: %[1]s, name: %[2]s}
spec: {selector: {name: %[2]s}, ports: [{port: 8080, targetPort: web}]}
---
`, namespace, name, labels)
}

// asks tells whether a pod reaches a URL within two seconds.
func (s site) asks(t testing.TB, namespace, pod, url string) bool {
	t.Helper()
	code, _ := s.Try(t.Context(), s.nagi, "kubectl", "-n", namespace, "exec", pod, "--", "timeout", "2", "wget", "-q", "-O-", url)
	return code == 0
}

// becomes waits for the answer of asks to be as wanted.
func (s site) becomes(t testing.TB, want bool, namespace, pod, url string) {
	t.Helper()
	eventually(t, 15*time.Second, fmt.Sprintf("%s reaches %s: %v", pod, url, want), func() (string, bool) {
		return "", s.asks(t, namespace, pod, url) == want
	})
}

const denyIngress = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: %s, name: deny}
spec: {podSelector: {matchLabels: {side: server}}, policyTypes: [Ingress]}
`

func TestPoliciesAreWalls(t *testing.T) {
	s := shared.use(t)
	s.kubectl(t, "create", "namespace", "walls")
	t.Cleanup(func() { s.Try(t.Context(), s.nagi, "kubectl", "delete", "namespace", "walls", "--wait=false") })
	s.apply(t, talker("walls", "server", "side: server")+talker("walls", "friend", "side: client")+talker("walls", "stranger", "side: client"))
	s.kubectl(t, "-n", "walls", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
	service, pod := "http://server:8080/", "http://"+s.kubectl(t, "-n", "walls", "get", "pod", "server", "-o", "jsonpath={.status.podIP}")+"/"
	for _, url := range []string{service, pod} {
		s.becomes(t, true, "walls", "friend", url)
	}
	s.apply(t, fmt.Sprintf(denyIngress, "walls"))
	for _, url := range []string{service, pod} {
		s.becomes(t, false, "walls", "friend", url)
	}
	s.apply(t, `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: walls, name: friends}
spec:
  podSelector: {matchLabels: {side: server}}
  ingress: [{from: [{podSelector: {matchLabels: {name: friend}}}], ports: [{port: web}]}]
`)
	for _, url := range []string{service, pod} {
		s.becomes(t, true, "walls", "friend", url)
		s.becomes(t, false, "walls", "stranger", url)
	}
	t.Run("a pod answers its own probes and itself behind walls", func(t *testing.T) {
		s.becomes(t, true, "walls", "server", "http://server.walls.svc:8080/") // "server" is its own address
		s.kubectl(t, "-n", "walls", "wait", "--for=condition=Ready", "pod/server", "--timeout=5s")
	})
	t.Run("a pod's first packet already meets its walls", func(t *testing.T) {
		s.apply(t, `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: walls, name: prison}
spec: {podSelector: {matchLabels: {app: prisoner}}, policyTypes: [Egress]}
`)
		s.becomes(t, true, "walls", "stranger", "http://friend:8080/")
		address := s.kubectl(t, "-n", "walls", "get", "pod", "friend", "-o", "jsonpath={.status.podIP}")
		for name, want := range map[string]string{"prisoner": "held", "free": "out"} {
			// The shell's timeout, for wget's own ends some builds of busybox.
			first := "timeout 2 wget -q -O /dev/null http://" + address + "/ && echo out || echo held; sleep 100000"
			s.apply(t, strings.Replace(busybox(name, 5, first), "metadata: {name: "+name+"}", "metadata: {namespace: walls, name: "+name+"}", 1))
			eventually(t, time.Minute, "all five have tried", func() (string, bool) {
				_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "walls", "logs", "-l", "app="+name, "--tail=-1")
				return out, strings.Count(out, "held")+strings.Count(out, "out") == 5
			})
			if out := s.kubectl(t, "-n", "walls", "logs", "-l", "app="+name, "--tail=-1"); strings.Count(out, want) != 5 {
				t.Errorf("the first that pods called %s did:\n%s", name, out)
			}
		}
	})
	s.kubectl(t, "-n", "walls", "delete", "networkpolicy", "--all")
	s.becomes(t, true, "walls", "stranger", service)
}

func TestWallsOutliveTheProcessThatMadeThem(t *testing.T) {
	s := quiet.use(t)
	s.kubectl(t, "create", "namespace", "standing")
	t.Cleanup(func() { s.Try(t.Context(), s.nagi, "kubectl", "delete", "namespace", "standing", "--wait=false") })
	s.apply(t, talker("standing", "server", "side: server")+talker("standing", "client", "side: client"))
	s.kubectl(t, "-n", "standing", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
	url := "http://" + s.kubectl(t, "-n", "standing", "get", "pod", "server", "-o", "jsonpath={.status.podIP}") + "/"
	s.becomes(t, true, "standing", "client", url)
	s.apply(t, fmt.Sprintf(denyIngress, "standing"))
	s.becomes(t, false, "standing", "client", url)
	before := s.Run(t, "nft", "list", "table", "ip", "nagi-netpol")
	s.kill(t, s.part(t, "node"))
	if after := s.Run(t, "nft", "list", "table", "ip", "nagi-netpol"); after != before {
		t.Errorf("the walls were\n%s\nand are without their keeper\n%s", before, after)
	}
	s.settled(t)
	eventually(t, 20*time.Second, "the kubelet knows its pods again", func() (string, bool) {
		_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "standing", "exec", "client", "--", "echo", "alive")
		return out, out == "alive\n"
	})
	if s.asks(t, "standing", "client", url) {
		t.Error("after a restart of the node's process the wall has a gap")
	}
	t.Run("a firewall that is loaded anew takes them for half a minute at most", func(t *testing.T) {
		s.Run(t, "nft", "delete", "table", "ip", "nagi-netpol")
		eventually(t, 40*time.Second, "the walls stand again", func() (string, bool) {
			code, out := s.Try(t.Context(), "nft", "list", "table", "ip", "nagi-netpol")
			return out, code == 0
		})
	})
	s.kubectl(t, "-n", "standing", "delete", "networkpolicy", "--all")
	s.becomes(t, true, "standing", "client", url)
	eventually(t, 15*time.Second, "without a policy no table is left", func() (string, bool) {
		out := s.Run(t, "nft", "list", "tables")
		return out, !strings.Contains(out, "nagi-netpol")
	})
}
