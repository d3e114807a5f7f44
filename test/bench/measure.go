package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/test/lab"
)

// A bench says what is measured and how thoroughly.
type bench struct {
	binary, images string
	runs, pods     int
	restarts       int
	only           []string // names of measurements; none: all
	idle, window   time.Duration
}

// firstStarts starts new machines and keeps the last of them.
func (b bench) firstStarts(ctx context.Context, l *lab.Lab) (seconds []float64, s *server, err error) {
	for i := range max(b.runs, 1) {
		if s != nil {
			if err := s.PowerOff(); err != nil {
				return nil, nil, err
			}
		}
		m, err := l.Add(ctx, fmt.Sprint("bench", i), lab.Options{})
		if err != nil {
			return nil, nil, err
		}
		s = &server{Machine: m, nagi: b.binary}
		took, err := s.up(ctx)
		if err != nil {
			return nil, nil, err
		}
		fmt.Printf("first start %d: %.2f s\n", i+1, took.Seconds())
		seconds = append(seconds, took.Seconds())
	}
	return seconds, s, s.load(ctx, b.images)
}

// weigh lets the server rest, then takes its memory and processor time.
func (b bench) weigh(ctx context.Context, s *server) ([]row, error) {
	fmt.Printf("resting for %s, then watching for %s\n", b.idle, b.window)
	if err := wait(ctx, b.idle); err != nil {
		return nil, err
	}
	before, err := usage(s.PID())
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, b.window); err != nil {
		return nil, err
	}
	after, err := usage(s.PID())
	if err != nil {
		return nil, err
	}
	cpu := (after.cpu - before.cpu).Seconds() / b.window.Seconds() * 100
	return []row{idleRSS.row(after.rss), idlePSS.row(after.pss), idleCPU.row(cpu)}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// replicas takes the time from an apply to three ready pods. They stay for
// the restart.
func (b bench) replicas(ctx context.Context, s *server) ([]row, error) {
	took, err := s.deploy(ctx, "three", 3)
	return []row{threeReady.row(took.Seconds())}, err
}

// crowd takes the time to many ready pods, and what the server weighs then.
func (b bench) crowd(ctx context.Context, s *server) ([]row, error) {
	took, err := s.deploy(ctx, "crowd", int32(b.pods))
	if err != nil {
		return nil, err
	}
	u, err := usage(s.PID())
	if err != nil {
		return nil, err
	}
	f := crowdReady
	f.name = fmt.Sprint(b.pods, " ", f.name)
	return []row{f.row(took.Seconds()), crowdMemory.row(u.pss)}, nil
}

// deploy makes a Deployment and waits until all of its pods are ready.
func (s *server) deploy(ctx context.Context, name string, replicas int32) (time.Duration, error) {
	deployments := s.client.AppsV1().Deployments("default")
	begun := time.Now()
	err := poll(ctx, 30*time.Second, func() (bool, error) {
		_, err := deployments.Create(ctx, sleeper(name, replicas), metav1.CreateOptions{})
		return err == nil || apierrors.IsAlreadyExists(err), err
	})
	if err != nil {
		return 0, fmt.Errorf("deploy %s: %w", name, err)
	}
	err = poll(ctx, 5*time.Minute, func() (bool, error) {
		d, err := deployments.Get(ctx, name, metav1.GetOptions{})
		return err == nil && d.Status.ReadyReplicas == replicas, err
	})
	if err != nil {
		return 0, fmt.Errorf("wait for %s: %w", name, err)
	}
	return time.Since(begun), nil
}

func sleeper(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	none := int64(0)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: &none,
					Containers: []corev1.Container{{
						Name: "main", Image: "busybox:latest", ImagePullPolicy: corev1.PullNever, Command: []string{"sleep", "1000000"},
					}},
				},
			},
		},
	}
}

// restart ends the server and starts it again beside pods that run.
func (b bench) restart(ctx context.Context, s *server) ([]row, error) {
	before, err := s.containers(ctx)
	if err != nil {
		return nil, err
	}
	var seconds []float64
	for i := range max(b.restarts, 1) {
		took, err := s.restart(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Printf("restart %d: %.2f s\n", i+1, took.Seconds())
		seconds = append(seconds, took.Seconds())
	}
	after, err := s.containers(ctx)
	if err == nil && after != before {
		err = fmt.Errorf("the restart touched containers: before\n%safter\n%s", before, after)
	}
	return []row{restarted.row(median(seconds))}, err
}

// restart takes the time from the command to an API server that is ready.
func (s *server) restart(ctx context.Context) (time.Duration, error) {
	if err := s.terminate(ctx); err != nil {
		return 0, err
	}
	begun := time.Now()
	up := make(chan error, 1)
	go func() {
		_, err := s.Command(ctx, s.nagi, "up").Output()
		up <- err
	}()
	err := poll(ctx, time.Minute, func() (bool, error) {
		_, err := s.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil, err
	})
	took := time.Since(begun)
	return took, errors.Join(err, <-up)
}
