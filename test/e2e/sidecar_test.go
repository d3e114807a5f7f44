package e2e

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// in returns what runs kubectl in a fresh namespace of the machine.
func (s site) in(t *testing.T, namespace string) func(args ...string) string {
	t.Helper()
	s.kubectl(t, "create", "namespace", namespace)
	t.Cleanup(func() { s.Try(t.Context(), s.nagi, "kubectl", "delete", "namespace", namespace, "--wait=false") })
	return func(args ...string) string { return s.kubectl(t, append([]string{"-n", namespace}, args...)...) }
}

// example is the path of an example of a pattern.
func example(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(root(t), "examples", "patterns", name+".yaml")
}

const webApp = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: busybox:latest
        imagePullPolicy: Never
        command: [sh, -c, "mkdir -p /tmp/www; exec httpd -f -p 8080 -h /tmp/www"]
`

// applyIn applies manifests in a namespace.
func (s site) applyIn(t *testing.T, namespace, yaml string) {
	t.Helper()
	s.RunWith(t, strings.NewReader(yaml), s.nagi, "kubectl", "-n", namespace, "apply", "--server-side", "-f", "-")
}

func TestSidecarsAreInThePodsTheySelect(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "sidecars")
	for _, e := range []string{"topz", "configsync", "container"} {
		kubectl("apply", "-f", example(t, e))
	}
	s.applyIn(t, "sidecars", webApp)
	kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	if out := kubectl("get", "sidecars"); strings.Count(out, "True") != 3 {
		t.Errorf("the first pods after a Sidecar have it:\n%s", out)
	}
	if out := kubectl("get", "pods", "-o", `jsonpath={.items[0].spec.initContainers[*].name}`); out != "nagi-sidecar-conf-step1 nagi-sidecar-conf nagi-sidecar-topz nagi-sidecar-clock" {
		t.Errorf("init containers: %s", out)
	}
	exec := func(script string) string {
		return kubectl("exec", "deploy/web", "-c", "main", "--", "sh", "-c", script)
	}
	t.Run("topz shows the processes of the whole pod", func(t *testing.T) {
		out := exec("wget -qO- http://127.0.0.1:8077/topz")
		if !strings.Contains(out, "httpd -f -p 8080") || !strings.Contains(out, "nagi-plane topz") {
			t.Errorf("topz:\n%s", out)
		}
		if out := exec("wget -qO- 'http://127.0.0.1:8077/topz?format=json'"); !strings.Contains(out, `"command":"httpd`) {
			t.Errorf("topz: %s", out)
		}
	})
	t.Run("files are there from the start, and follow", func(t *testing.T) {
		if got := exec("cat /conf/colour /clock/now"); !strings.HasPrefix(got, "red") || !strings.Contains(got, "202") {
			t.Errorf("files: %q", got)
		}
		kubectl("patch", "configmap", "web-conf", "--type=merge", "-p", `{"data":{"colour":"blue"}}`)
		eventually(t, 100*time.Second, "the file follows the ConfigMap", func() (string, bool) {
			out := exec("cat /conf/colour")
			return out, out == "blue"
		})
		eventually(t, 20*time.Second, "httpd was told", func() (string, bool) {
			out := kubectl("logs", "deploy/web", "--all-pods", "-c", "nagi-sidecar-conf")
			return out, strings.Contains(out, "sent HUP to httpd")
		})
	})
}

func TestASidecarsImageChangesWhereItRuns(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "sidecar-images")
	sidecar := func(image string) {
		s.applyIn(t, "sidecar-images", `apiVersion: nagi.dev/v1alpha1
kind: Sidecar
metadata: {name: own}
spec:
  selector: {matchLabels: {app: web}}
  use: {container: {spec: {image: "`+image+`", imagePullPolicy: Never, args: [topz, --port=8079]}}}
`)
	}
	for _, name := range []string{"one", "two"} {
		s.Run(t, "sh", "-c", s.nagi+" image save plane --name nagi.dev/plane:"+name+" > /tmp/"+name+".tar && "+s.nagi+" image import /tmp/"+name+".tar")
	}
	sidecar("nagi.dev/plane:one")
	s.applyIn(t, "sidecar-images", webApp)
	kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	const about = `jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[0].restartCount} {end}`
	before := kubectl("get", "pods", "-o", about)
	sidecar("nagi.dev/plane:two")
	eventually(t, 60*time.Second, "both pods run the other image", func() (string, bool) {
		out := kubectl("get", "pods", "-o", `jsonpath={range .items[*]}{.spec.initContainers[0].image} {.status.initContainerStatuses[0].restartCount} {.status.initContainerStatuses[0].ready} {end}`)
		return out, out == "nagi.dev/plane:two 1 true nagi.dev/plane:two 1 true "
	})
	if after := kubectl("get", "pods", "-o", about); after != before {
		t.Errorf("pods were %s and are %s", before, after)
	}
	if out := kubectl("exec", "deploy/web", "-c", "main", "--", "wget", "-qO-", "http://127.0.0.1:8079/topz"); !strings.Contains(out, "topz") {
		t.Errorf("the other image does not answer: %s", out)
	}
}

func TestAJobWithEverySidecarCompletes(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "sidecar-jobs")
	for _, e := range []string{"topz", "configsync", "container"} {
		kubectl("apply", "-f", example(t, e))
	}
	s.applyIn(t, "sidecar-jobs", `apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: "busybox:latest", imagePullPolicy: Never, command: [sh, -c, "cat /conf/colour"]}
`)
	kubectl("wait", "--for=condition=Complete", "job/once", "--timeout=90s")
	if out := kubectl("logs", "job/once", "-c", "main"); out != "red" {
		t.Errorf("the job printed %q", out)
	}
}

func TestPodsThatMissedASidecarAreToldOfAndReplacedWhenAsked(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "sidecar-missed")
	s.applyIn(t, "sidecar-missed", webApp)
	kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	kubectl("apply", "-f", example(t, "topz"))
	eventually(t, 10*time.Second, "both pods are counted as missed", func() (string, bool) {
		out := kubectl("get", "sidecar", "topz", "-o", "jsonpath={.status.pods.missed} {.status.conditions[?(@.type==\"Ready\")].reason}")
		return out, out == "2 PodsMissed"
	})
	eventually(t, 10*time.Second, "an event tells of them", func() (string, bool) {
		out := kubectl("get", "events")
		return out, strings.Contains(out, "made without it")
	})
	kubectl("patch", "sidecar", "topz", "--type=merge", "-p", `{"spec":{"replaceMissed":true}}`)
	eventually(t, 60*time.Second, "they are replaced", func() (string, bool) {
		out := kubectl("get", "sidecar", "topz", "-o", "jsonpath={.status.pods.injected}/{.status.pods.selected} {.status.conditions[?(@.type==\"Ready\")].status}")
		return out, out == "2/2 True"
	})
}

func TestPodsAreMadeWithoutThePlatform(t *testing.T) {
	s := quiet.use(t)
	s.load(t, "busybox")
	kubectl := s.in(t, "sidecar-away")
	kubectl("apply", "-f", example(t, "topz"))
	platform := s.part(t, "platform")
	s.Run(t, "kill", "-STOP", strconv.Itoa(platform))
	began := time.Now()
	s.applyIn(t, "sidecar-away", webApp)
	kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	took := time.Since(began)
	s.Run(t, "kill", "-CONT", strconv.Itoa(platform))
	if took > 15*time.Second {
		t.Errorf("pods came after %s", took)
	}
	eventually(t, 20*time.Second, "they are counted as missed", func() (string, bool) {
		out := kubectl("get", "sidecar", "topz", "-o", "jsonpath={.status.pods.missed}")
		return out, out == "2"
	})
	t.Run("a platform that is gone costs nothing", func(t *testing.T) {
		s.kill(t, s.part(t, "platform"))
		began := time.Now()
		kubectl("delete", "pods", "--all", "--grace-period=1")
		kubectl("rollout", "status", "deployment/web", "--timeout=60s")
		t.Logf("pods came after %s", time.Since(began))
		s.settled(t)
	})
}
