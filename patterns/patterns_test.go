package patterns

import (
	"bufio"
	"context"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"nagi.dev/internal/kubetest"
	"nagi.dev/kube"
)

func TestMain(m *testing.M) { kubetest.Main(m) }

// A bench is the patterns beside a real API server without a node.
type bench struct {
	t         *testing.T
	namespace string
	kube      *kube.Client
	typed     *kubernetes.Clientset
	door      *httptest.Server
}

func newBench(t *testing.T) *bench {
	t.Helper()
	cfg := kubetest.Start(t)
	b := &bench{t: t, namespace: kubetest.Namespace(t, cfg, "patterns")}
	var err error
	if b.kube, err = kube.New(cfg); err != nil {
		t.Fatal(err)
	}
	if b.typed, err = kubernetes.NewForConfig(cfg); err != nil {
		t.Fatal(err)
	}
	b.open(cfg)
	if _, err := b.typed.CoreV1().ServiceAccounts(b.namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// open runs the patterns until the test ends.
func (b *bench) open(cfg *rest.Config) {
	var handler http.Handler
	b.door = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.door.Certificate().Raw})
	set := New(Options{URL: b.door.URL, CA: ca, Log: slog.New(slog.DiscardHandler)}, b.kube)
	handler = set.Handler()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- set.Run(ctx, cfg) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
		b.door.CloseClientConnections()
		b.door.Close()
	})
	if err := set.Ready(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// apply applies every document of text in the bench's namespace.
func (b *bench) apply(text string) error {
	for doc := range strings.SplitSeq(text, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			b.t.Fatal(err)
		}
		if u.GetKind() == "" {
			continue // a comment
		}
		u.SetNamespace(b.namespace)
		if err := b.kube.Apply(b.t.Context(), "test", u); err != nil {
			return err
		}
	}
	return nil
}

// pod makes a pod of an app and returns what became of it.
func (b *bench) pod(name, app string) *corev1.Pod {
	b.t.Helper()
	p, err := b.typed.CoreV1().Pods(b.namespace).Create(b.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "main"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func inits(p *corev1.Pod) string {
	var names []string
	for _, c := range p.Spec.InitContainers {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

func TestEveryExampleIsTakenAndReachesTheNextPod(t *testing.T) {
	b := newBench(t)
	files, err := filepath.Glob("../examples/patterns/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.apply(string(text)); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
	if got := inits(b.pod("web", "web")); got != "nagi-sidecar-conf-step1 nagi-sidecar-conf nagi-sidecar-tls nagi-sidecar-topz nagi-sidecar-clock" {
		t.Errorf("the first pod after the Sidecars has %q", got)
	}
	if got := inits(b.pod("app", "app")); got != "nagi-ambassador-backend nagi-ambassador-cache nagi-ambassador-experiment nagi-ambassador-rehearsal" {
		t.Errorf("the first pod after the Ambassadors has %q", got)
	}
	if got := inits(b.pod("other", "other")); got != "" {
		t.Errorf("a pod that nobody selects has %q", got)
	}
	t.Run("a plane reads the document of its namespace", func(t *testing.T) { b.reads(t) })
}

// token is one of the default ServiceAccount.
func (b *bench) token(audience string) string {
	b.t.Helper()
	r, err := b.typed.CoreV1().ServiceAccounts(b.namespace).CreateToken(b.t.Context(), "default",
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}, metav1.CreateOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	return r.Status.Token
}

func (b *bench) reads(t *testing.T) {
	ask := func(namespace, token string) (status int, body io.Reader) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.door.URL+"/v1/planes/"+namespace+"/ambassador/experiment", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+token)
		a, err := b.door.Client().Do(q)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Body.Close() })
		return a.StatusCode, a.Body
	}
	_, document := ask(b.namespace, b.token("nagi.dev"))
	lines := bufio.NewScanner(document)
	for lines.Scan() && strings.HasPrefix(lines.Text(), "#") {
	}
	if !strings.Contains(lines.Text(), `"127.0.0.1:8000"`) {
		t.Errorf("document: %s", lines.Text())
	}
	for _, tt := range []struct {
		name, namespace, audience string
		want                      int
	}{
		{"a token for somebody else", b.namespace, "other", http.StatusUnauthorized},
		{"another namespace", "default", "nagi.dev", http.StatusForbidden},
	} {
		if status, _ := ask(tt.namespace, b.token(tt.audience)); status != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, status, tt.want)
		}
	}
}

func TestFaultsAreRefusedWithTheirField(t *testing.T) {
	b := newBench(t)
	object := func(kind, spec string) string {
		return "apiVersion: nagi.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: x}\nspec: " + spec
	}
	const selector = "selector: {matchLabels: {app: a}}"
	for _, tt := range []struct{ name, object, want string }{
		{"a Sidecar for every pod", object("Sidecar", "{selector: {}, use: {topz: {}}}"), "select something"},
		{"a Sidecar of two uses", object("Sidecar", "{"+selector+", use: {topz: {}, container: {spec: {image: a}}}}"), "set one of tls, configSync"},
		{"a container with an unknown field", object("Sidecar", "{"+selector+", use: {container: {spec: {image: a, imagee: b}}}}"), `unknown field "imagee"`},
		{"files from two sources", object("Sidecar", "{"+selector+", use: {configSync: {path: /a, configMap: a, url: 'http://a'}}}"), "set one of configMap, secret and url"},
		{"TLS to itself", object("Sidecar", "{"+selector+", use: {tls: {secretName: a, to: 8443}}}"), "port and to are the same"},
		{"an Ambassador of nothing", object("Ambassador", "{"+selector+", listen: '127.0.0.1:1', protocol: http}"), "set one of shard, broker"},
		{"an Ambassador that others reach", object("Ambassador", "{"+selector+", listen: '0.0.0.0:1', protocol: http, split: {routes: [{target: {service: a}}]}}"), "spec.listen"},
		{"a cookie over Redis", object("Ambassador", "{"+selector+", listen: '127.0.0.1:1', protocol: redis, split: {sticky: {by: cookie}, routes: [{target: {service: a}}]}}"), "only http knows cookies"},
		{"two targets in one", object("Ambassador", "{"+selector+", listen: '127.0.0.1:1', protocol: http, split: {routes: [{target: {service: a, address: 'b:1'}}]}}"), "set one of service"},
		{"a tee of Redis", object("Ambassador", "{"+selector+", listen: '127.0.0.1:1', protocol: redis, tee: {target: {service: a}, shadow: {service: b}}}"), "only http has it"},
		{"a header without a name", object("ReplicatedService", "{selector: {a: b}, targetPort: 1, affinity: {by: header}}"), "name the header"},
		{"storage that is no size", object("ShardedService", "{protocol: redis, shards: 1, port: 1, template: {}, storage: {size: big}}"), "write it as 1Gi"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := b.apply(tt.object); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestWithoutTheDoorPodsAreMadeAtOnce(t *testing.T) {
	b := newBench(t)
	text, err := os.ReadFile("../examples/patterns/topz.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.apply(string(text)); err != nil {
		t.Fatal(err)
	}
	b.door.Listener.Close()
	b.door.CloseClientConnections()
	began := time.Now()
	if got := inits(b.pod("web", "web")); got != "" {
		t.Errorf("somebody put in %q", got)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
}
