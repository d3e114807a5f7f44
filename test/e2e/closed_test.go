package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func TestNothingListensBeyondTheMachine(t *testing.T) {
	s := quiet.use(t)
	for _, a := range listeners(t, s) {
		if !a.Addr().IsLoopback() && a.Addr().String() != "10.42.0.1" {
			t.Errorf("%s is open: neither loopback nor the bridge of pods", a)
		}
	}
}

// listeners lists the addresses where TCP is served on the machine.
func listeners(t *testing.T, s site) (all []netip.AddrPort) {
	t.Helper()
	table := s.Run(t, "cat", "/proc/net/tcp", "/proc/net/tcp6")
	for line := range strings.Lines(table) {
		const listening = "0A"
		f := strings.Fields(line)
		if len(f) > 3 && f[3] == listening {
			all = append(all, parseSocket(t, f[1]))
		}
	}
	if len(all) == 0 {
		t.Fatalf("nothing listens at all:\n%s", table)
	}
	return all
}

// parseSocket reads "0100007F:192B": the kernel prints an address as words of
// the machine, which for our machines means reversed bytes.
func parseSocket(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	var b []byte
	for i := 0; i < len(host); i += 8 {
		w, err := strconv.ParseUint(host[i:i+8], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n))
}

func TestStrangersAreRefused(t *testing.T) {
	s := quiet.use(t)
	c := rest.AnonymousClientConfig(s.config(t))
	client, err := kubernetes.NewForConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("an anonymous list of namespaces says: %v", err)
	}
	if _, err := client.Discovery().ServerVersion(); !apierrors.IsUnauthorized(err) {
		t.Errorf("an anonymous question for the version says: %v", err)
	}
	if code, out := s.Try(t.Context(), "curl", "-sk", "-m", "3", "https://10.42.0.1:10250/pods"); !strings.Contains(out, "Unauthorized") {
		t.Errorf("an anonymous question to the kubelet says: %d %s", code, out)
	}
}

func TestTheKubeconfigIsForRootAlone(t *testing.T) {
	s := quiet.use(t)
	if got := s.Run(t, "stat", "-c", "%a %U", "/etc/nagi/kubeconfig"); got != "600 root\n" {
		t.Errorf("the kubeconfig is %s", got)
	}
	open := s.Run(t, "find", "/var/lib/nagi/pki", "/var/lib/nagi/etcd", "-perm", "/077", "-type", "f", "-not", "-name", "*.crt")
	if open != "" {
		t.Errorf("others may read:\n%s", open)
	}
}

func TestSecretsAreEncryptedAtRest(t *testing.T) {
	s := quiet.use(t)
	const plain = "calm-after-the-wind-4711"
	c := s.client(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "hidden"}, StringData: map[string]string{"password": plain}}
	open := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "open"}, Data: map[string]string{"note": "open-" + plain[:10]}}
	if _, err := c.CoreV1().Secrets("default").Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CoreV1().ConfigMaps("default").Create(t.Context(), open, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if !storeHolds(t, s, open.Data["note"]) {
		t.Fatal("the store does not even hold a ConfigMap in the plain: this test looks at the wrong files")
	}
	if storeHolds(t, s, plain) {
		t.Error("the store holds the secret in the plain")
	}
}

// storeHolds looks for text in the files of etcd.
func storeHolds(t *testing.T, s site, text string) (found bool) {
	t.Helper()
	dir := filepath.Join("/proc", strconv.Itoa(s.PID()), "root/var/lib/nagi/etcd")
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		found = found || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPrivilegedPodsNeedToBeAskedFor(t *testing.T) {
	s := quiet.use(t)
	s.kubectl(t, "create", "namespace", "plain")
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: strong, namespace: plain}, spec: {containers: [{name: c, image: busybox, securityContext: {privileged: true}}]}}`
	c := s.Command(t.Context(), s.nagi, "kubectl", "apply", "-f", "-")
	c.Stdin = strings.NewReader(pod)
	if out, err := c.Output(); err == nil || !strings.Contains(fmt.Sprint(err), "violates PodSecurity") {
		t.Errorf("a privileged pod is let in: %s %v", out, err)
	}
}
