package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"nagi.dev/test/lab"
)

var (
	seed  = flag.Uint64("seed", 0, "chooses the moments of the random kills; 0: another each time")
	kills = flag.Int("kills", 20, "how many random kills")
)

// TestRandomKills kills processes of the server at random moments of deploys
// and rollouts. Whatever happens, the cluster comes to what the last accepted
// apply asked for.
func TestRandomKills(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("repeat with -args -seed %d", *seed)
	r := rand.New(rand.NewPCG(*seed, 0))
	s := newSite(t, lab.New(t), "killed", lab.Options{})
	s.up(t)
	s.load(t, "busybox")
	s.kubectl(t, "create", "namespace", "direct")
	works := []*work{
		{namespace: "direct", name: "web", apply: s.applyRound},
		{namespace: "stacked", name: "web", apply: s.deployRound},
	}
	for round := range *kills {
		w := works[round%2]
		delay := time.Duration(r.IntN(2500)) * time.Millisecond
		victim := victims[r.IntN(len(victims))]
		replicas := 1 + r.IntN(3)
		t.Logf("round %d: %s to %d replicas; after %s the end of %v", round, w.namespace, replicas, delay, victim)
		w.try(t, round, replicas, func() { s.strike(t, delay, victim) })
		if slices.Contains(victim, "server") {
			s.up(t)
		}
		for _, w := range works[:min(round+1, 2)] {
			w.check(t, s)
		}
	}
}

// victims are what is killed together. "server" is the supervisor: the kernel
// ends its children with it.
var victims = [][]string{{"server"}, {"containerd"}, {"server", "containerd"}, {"control"}, {"node"}, {"platform"}}

// strike kills parts of the server after a while.
func (s site) strike(t *testing.T, delay time.Duration, parts []string) {
	<-time.After(delay) // the moment is the point of the test
	st := s.status(t)
	for _, name := range parts {
		pid := st.PID
		for _, p := range st.Parts {
			if p.Name == name {
				pid = p.PID
			}
		}
		s.Try(t.Context(), "kill", "-KILL", strconv.Itoa(pid)) // gone already is fine
	}
}

// An asked is one state that an apply asked for.
type asked struct{ round, replicas int }

// A work is a Deployment that is asked for again and again.
type work struct {
	namespace, name string
	apply           func(ctx context.Context, a asked) error

	// possible holds the last accepted apply and those after it whose answer
	// was lost: each may or may not have arrived.
	possible []asked
}

// try applies the next state while strike does its harm.
func (w *work) try(t *testing.T, round, replicas int, strike func()) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := asked{round, replicas}
	done := make(chan error, 1)
	go func() { done <- w.apply(ctx, a) }()
	strike()
	if err := <-done; err != nil {
		t.Logf("the apply was not accepted: %v", err)
		w.possible = append(w.possible, a)
		return
	}
	w.possible = []asked{a}
}

// check waits until the Deployment is, in spec and in pods, one of what was
// possible.
func (w *work) check(t *testing.T, s site) {
	t.Helper()
	c := s.client(t)
	eventually(t, 90*time.Second, fmt.Sprintf("%s is one of %v", w.namespace, w.possible), func() (string, bool) {
		seen, err := w.seen(t.Context(), c)
		if err != nil {
			return err.Error(), false
		}
		return fmt.Sprintf("%+v", seen), slices.Contains(w.possible, seen)
	})
}

// seen is what runs: every pod is of one round, ready, and as many as wanted.
func (w *work) seen(ctx context.Context, c kubernetes.Interface) (asked, error) {
	d, err := c.AppsV1().Deployments(w.namespace).Get(ctx, w.name, metav1.GetOptions{})
	if err != nil {
		return asked{}, err
	}
	pods, err := c.CoreV1().Pods(w.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return asked{}, err
	}
	want := asked{round(d.Spec.Template.Spec), int(*d.Spec.Replicas)}
	ready := 0
	for _, p := range pods.Items {
		if got := round(p.Spec); got != want.round || p.DeletionTimestamp != nil {
			return asked{}, fmt.Errorf("pod %s of round %d is still there; want round %d", p.Name, got, want.round)
		}
		if isReady(p) {
			ready++
		}
	}
	if ready != want.replicas || len(pods.Items) != want.replicas {
		return asked{}, fmt.Errorf("%d of %d pods are ready; want %d", ready, len(pods.Items), want.replicas)
	}
	return want, nil
}

func isReady(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// round reads the variable ROUND of a pod; -1 when it has none.
func round(p corev1.PodSpec) int {
	for _, e := range p.Containers[0].Env {
		if e.Name == "ROUND" {
			n, _ := strconv.Atoi(e.Value)
			return n
		}
	}
	return -1
}

// applyRound applies a Deployment as kubectl does.
func (s site) applyRound(ctx context.Context, a asked) error {
	c := s.Command(ctx, s.nagi, "kubectl", "-n", "direct", "apply", "--server-side", "-f", "-")
	c.Stdin = strings.NewReader(busyboxWith("web", a.replicas, "sleep 1000000", fmt.Sprintf(`[{name: ROUND, value: "%d"}]`, a.round)))
	_, err := c.Output()
	return err
}

// deployRound deploys a compose file. It counts as accepted once the Stack is.
func (s site) deployRound(ctx context.Context, a asked) error {
	c := s.Command(ctx, s.nagi, "deploy", "--detach", "-p", "stacked", "-f", "-")
	c.Dir = s.Home()
	c.Stdin = strings.NewReader(fmt.Sprintf(`services:
  web:
    image: busybox:latest
    command: [sleep, "1000000"]
    stop_grace_period: 0s
    environment: {ROUND: "%d"}
    deploy: {replicas: %d}
`, a.round, a.replicas))
	_, err := c.Output()
	return err
}
