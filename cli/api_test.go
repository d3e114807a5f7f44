package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"nagi.dev/api/v1alpha1"
)

// answers is an API server of fixed answers, by path. Logs and node
// statistics need a node, which the API server of kubetest has not.
func answers(t *testing.T, by map[string]any) cluster {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch a := by[r.URL.Path].(type) {
		case nil:
			http.NotFound(w, r)
		case string:
			_, _ = w.Write([]byte(a))
		case func(*http.Request) string:
			_, _ = w.Write([]byte(a(r)))
		default:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(a)
		}
	}))
	t.Cleanup(s.Close)
	c, err := kubernetes.NewForConfig(&rest.Config{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return cluster{Interface: c}
}

// pod is one of service, with its containers and how they are.
func pod(name, service string, containers ...corev1.ContainerStatus) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", Labels: map[string]string{v1alpha1.ServiceLabel: service, v1alpha1.StackLabel: "shop"},
	}}
	for _, c := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c.Name})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, c)
	}
	return p
}

func running(name string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

// A screen is what a person sees, safe to look at while it is written.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// has tells whether every line of want has been printed.
func (s *screen) has(want ...string) bool {
	for _, w := range want {
		if !strings.Contains(s.String(), w) {
			return false
		}
	}
	return true
}
