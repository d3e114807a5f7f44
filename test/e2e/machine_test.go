package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"nagi.dev/test/lab"
)

func TestMain(m *testing.M) {
	lab.Main(m)
	shared.close()
	quiet.close()
}

// A site is a machine with Nagi on it.
type site struct {
	*lab.Machine
	nagi string // the binary
}

// newSite makes a machine; Nagi does not run on it yet.
func newSite(t testing.TB, l *lab.Lab, name string, o lab.Options) site {
	t.Helper()
	return site{Machine: l.Machine(t, name, o), nagi: binary(t)}
}

// up starts the server, or finds it running, and waits until it is ready.
func (s site) up(t testing.TB, args ...string) {
	t.Helper()
	s.Run(t, append([]string{s.nagi, "up", "--timeout", "2m"}, args...)...)
}

// load brings images, by the names of their archives in build/images.
func (s site) load(t testing.TB, names ...string) {
	t.Helper()
	for _, n := range names {
		s.Run(t, s.nagi, "image", "import", archive(t, n))
	}
}

// kubectl runs the kubectl inside of nagi and returns what it prints.
func (s site) kubectl(t testing.TB, args ...string) string {
	t.Helper()
	return s.Run(t, append([]string{s.nagi, "kubectl"}, args...)...)
}

// apply applies manifests.
func (s site) apply(t testing.TB, yaml string) {
	t.Helper()
	s.RunWith(t, strings.NewReader(yaml), s.nagi, "kubectl", "apply", "--server-side", "-f", "-")
}

// config is how a client-go program of the host reaches the API server.
func (s site) config(t testing.TB) *rest.Config {
	t.Helper()
	b, err := s.ReadFile("/etc/nagi/kubeconfig")
	if err != nil {
		t.Fatal(err)
	}
	c, err := clientcmd.RESTConfigFromKubeConfig(b)
	if err != nil {
		t.Fatal(err)
	}
	c.Dial, c.QPS, c.Burst = s.DialContext, 100, 200
	return c
}

func (s site) client(t testing.TB) *kubernetes.Clientset {
	t.Helper()
	c, err := kubernetes.NewForConfig(s.config(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shared is the one server that tests use when they do it no harm. It listens
// on the lab's switch too; outside is another machine there.
var shared commons

type commons struct {
	once    sync.Once
	lab     *lab.Lab
	server  site
	outside *lab.Machine
	ready   bool
}

const sharedAddress = "192.0.2.11"

// use returns the shared server, started by the first that asks.
func (c *commons) use(t testing.TB) site {
	t.Helper()
	c.once.Do(func() {
		l, err := lab.Open()
		if err != nil {
			t.Fatal(err)
		}
		c.lab = l
		c.server = newSite(t, l, "shared", lab.Options{Address: netip.MustParsePrefix(sharedAddress + "/24")})
		c.outside = l.Machine(t, "outside", lab.Options{Address: netip.MustParsePrefix("192.0.2.12/24")})
		c.server.up(t, "--listen", sharedAddress)
		c.server.load(t, "busybox")
		c.ready = true
	})
	if !c.ready {
		t.Fatal("the shared server did not start: see the first test that failed")
	}
	return c.server
}

func (c *commons) close() {
	if c.lab == nil {
		return
	}
	if err := c.lab.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close lab:", err)
	}
}

// binary is the program under test.
func binary(t testing.TB) string {
	t.Helper()
	name := os.Getenv("NAGI_BINARY")
	if name == "" {
		name = filepath.Join(root(t), "bin", "nagi")
	}
	if _, err := os.Stat(name); err != nil {
		t.Fatalf("find nagi: %v: run make build, or set NAGI_BINARY", err)
	}
	return name
}

// archive is the file of an image that make images leaves in build/images;
// NAGI_IMAGES names another folder.
func archive(t testing.TB, image string) string {
	t.Helper()
	dir := os.Getenv("NAGI_IMAGES")
	if dir == "" {
		dir = filepath.Join(root(t), "build", "images")
	}
	found, _ := filepath.Glob(filepath.Join(dir, image+".*"))
	for _, f := range found {
		if ext := filepath.Ext(f); ext == ".tar" || ext == ".gz" || ext == ".zst" {
			return f
		}
	}
	t.Fatalf("find the archive of %s in %s: run make images", image, dir)
	return ""
}

// root is the top of the project.
func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// eventually asks until ok says yes; t fails with the last answer after limit.
func eventually(t testing.TB, limit time.Duration, what string, ok func() (string, bool)) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for {
		last, done := ok()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("after %s still not: %s; the last answer was:\n%s", limit, what, last)
		}
	}
}

// busybox is a Deployment that waits for ever.
func busybox(name string, replicas int, command string) string {
	return busyboxWith(name, replicas, command, "")
}

// busyboxWith adds variables to it: "- {name: A, value: b}".
func busyboxWith(name string, replicas int, command, env string) string {
	if env == "" {
		env = "[]"
	}
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
        command: [sh, -c, %[3]q]
        env: %[4]s
`, name, replicas, command, env)
}
