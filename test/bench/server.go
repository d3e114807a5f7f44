package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"nagi.dev/internal/status"
	"nagi.dev/test/lab"
)

// A server is Nagi on a machine, as seen by a program of the host.
type server struct {
	*lab.Machine
	nagi   string
	client *kubernetes.Clientset
}

// up starts the server and returns after it is ready, with its time.
func (s *server) up(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	if _, err := s.Command(ctx, s.nagi, "up").Output(); err != nil {
		return 0, err
	}
	if err := s.connect(); err != nil {
		return 0, err
	}
	err := poll(ctx, time.Minute, func() (bool, error) {
		nodes, err := s.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		return err == nil && len(nodes.Items) == 1 && nodeReady(nodes.Items[0]), err
	})
	return time.Since(begun), err
}

func nodeReady(n corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// connect makes the client out of the machine's kubeconfig.
func (s *server) connect() error {
	b, err := s.ReadFile("/etc/nagi/kubeconfig")
	if err != nil {
		return err
	}
	c, err := clientcmd.RESTConfigFromKubeConfig(b)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	c.Dial, c.QPS, c.Burst = s.DialContext, 500, 500
	s.client, err = kubernetes.NewForConfig(c)
	return err
}

// load brings busybox.
func (s *server) load(ctx context.Context, images string) error {
	found, _ := filepath.Glob(filepath.Join(images, "busybox.tar*"))
	if len(found) == 0 {
		return fmt.Errorf("find the archive of busybox in %s: run make images", images)
	}
	_, err := s.Command(ctx, s.nagi, "image", "import", found[0]).Output()
	return err
}

// terminate ends the server's processes and no container.
func (s *server) terminate(ctx context.Context) error {
	b, err := s.ReadFile("/run/nagi/status.json")
	if err != nil {
		return err
	}
	var st status.Status
	if err := json.Unmarshal(b, &st); err != nil {
		return fmt.Errorf("read status: %w", err)
	}
	if _, err := s.Command(ctx, "kill", "-TERM", fmt.Sprint(st.PID)).Output(); err != nil {
		return err
	}
	return poll(ctx, time.Minute, func() (bool, error) {
		_, err := s.ReadFile("/run/nagi/status.json")
		return errors.Is(err, os.ErrNotExist), err
	})
}

// containers returns the ids of all containers that run.
func (s *server) containers(ctx context.Context) (string, error) {
	pods, err := s.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			fmt.Fprintln(&b, p.Name, c.ContainerID, c.RestartCount, c.State.Running != nil)
		}
	}
	return b.String(), nil
}

// poll asks every 10 ms until ok says yes; after limit it returns the last
// error.
func poll(ctx context.Context, limit time.Duration, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if done {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", limit, errors.Join(ctx.Err(), err))
		}
	}
}
