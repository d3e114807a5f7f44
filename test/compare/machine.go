package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"nagi.dev/test/lab"
)

// A machine is one with Nagi on it.
type machine struct {
	*lab.Machine
	nagi   string
	client *kubernetes.Clientset
}

// start makes a machine, starts Nagi there and brings the images.
func (o options) start(ctx context.Context, l *lab.Lab, name string, images []string) (*machine, error) {
	m, err := l.Add(ctx, name, lab.Options{})
	if err != nil {
		return nil, err
	}
	s := &machine{Machine: m, nagi: o.nagi}
	if _, err := s.Command(ctx, s.nagi, "up", "--timeout", "2m").Output(); err != nil {
		return s, err
	}
	if err := s.connect(); err != nil {
		return s, err
	}
	_, err = s.Command(ctx, append([]string{s.nagi, "image", "import"}, images...)...).Output()
	return s, err
}

func (s *machine) connect() error {
	b, err := s.ReadFile("/etc/nagi/kubeconfig")
	if err != nil {
		return err
	}
	c, err := clientcmd.RESTConfigFromKubeConfig(b)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	c.Dial, c.QPS, c.Burst = s.DialContext, 100, 200
	s.client, err = kubernetes.NewForConfig(c)
	return err
}

// in runs a command in a folder of the machine and returns its exit code and
// all it printed.
func (s *machine) in(ctx context.Context, dir string, argv ...string) (int, string) {
	script := `cd "$1" && shift && exec env -i PATH="$PATH" HOME=/root NAGI_CGROUP_ROOT="$NAGI_CGROUP_ROOT" "$@"`
	return s.Try(ctx, append([]string{"sh", "-c", script, "sh", dir}, argv...)...)
}

// poll asks until ok says yes; after limit it returns the last error.
func poll(ctx context.Context, limit time.Duration, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
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
