package netpol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// A gate holds a new pod until its walls stand: the CNI plugin nagi-wall tells
// of the pod's address before any of its containers runs, and waits for the
// answer. It sends one Question as JSON and gets "ok" or a fault.
type gate struct {
	wake func()

	mu      sync.Mutex // guards the rest
	memory  memory     // of known
	known   map[netip.Addr]types.UID
	waiting []*guest
}

// A Question is what nagi-wall sends.
type Question struct {
	Pod  types.UID  `json:"pod"`
	Addr netip.Addr `json:"addr"`
	Gone bool       `json:"gone,omitempty"` // the pod gives its address back
}

// A guest waits for the walls of a pod.
type guest struct {
	pod types.UID
	ok  chan struct{} // closed when they stand
}

// patience is how long a pod that the API does not tell of is held: the
// kubelet tries again.
const patience = 10 * time.Second

// open answers on the socket until ctx ends.
func (g *gate) open(ctx context.Context, socket string, done *sync.WaitGroup) error {
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open the gate of pods: %w", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("open the gate of pods: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return errors.Join(fmt.Errorf("open the gate of pods: %w", err), l.Close())
	}
	context.AfterFunc(ctx, func() { _ = l.Close() }) // it only listens
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { g.serve(ctx, c) })
		}
	})
	return nil
}

// serve answers one question. The plugin is of this very version; what is not
// a question is a fault.
func (g *gate) serve(ctx context.Context, c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * patience)) // a socket takes one
	var q Question
	answer := "ok"
	if err := json.NewDecoder(io.LimitReader(c, 4096)).Decode(&q); err != nil {
		answer = fmt.Sprintf("read question: %v", err)
	} else if err := g.ask(ctx, q); err != nil {
		answer = err.Error()
	}
	_, _ = io.WriteString(c, answer) // who left does not wait
}

// ask returns when the walls of the pod stand.
func (g *gate) ask(ctx context.Context, q Question) error {
	if q.Gone {
		return g.forget(q)
	}
	v, err := g.expect(q)
	if err != nil {
		return err
	}
	select {
	case <-v.ok:
		return nil
	case <-ctx.Done():
		return errors.New("the server ends")
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("the API has told of no pod %s for %s", q.Pod, patience), g.turnAway(v, q))
	}
}

// expect notes a pod that comes. One that could not be remembered is not let in:
// its walls would not outlive this process.
func (g *gate) expect(q Question) (*guest, error) {
	v := &guest{pod: q.Pod, ok: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known[q.Addr] = q.Pod
	if err := g.memory.write(g.known); err != nil {
		delete(g.known, q.Addr)
		return nil, err
	}
	g.waiting = append(g.waiting, v)
	g.wake()
	return v, nil
}

// turnAway forgets a pod that was not let in.
func (g *gate) turnAway(v *guest, q Question) error {
	g.mu.Lock()
	g.waiting = slices.DeleteFunc(g.waiting, func(o *guest) bool { return o == v })
	g.mu.Unlock()
	return g.forget(q)
}

// forget takes a pod's address back, unless it is another's by now.
func (g *gate) forget(q Question) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.wake()
	if g.known[q.Addr] != q.Pod {
		return nil
	}
	delete(g.known, q.Addr)
	return g.memory.write(g.known)
}

func (g *gate) addresses() map[netip.Addr]types.UID {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.known)
}

// release lets in the pods that the applied state knew, all of them when
// there is no policy.
func (g *gate) release(s State) {
	seen := map[types.UID]bool{}
	for _, p := range s.Pods {
		seen[p.UID] = true
	}
	applied := map[types.UID]bool{}
	for _, uid := range s.Addresses {
		applied[uid] = len(s.Policies) == 0 || seen[uid]
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var still []*guest
	for _, v := range g.waiting {
		if applied[v.pod] {
			close(v.ok)
		} else {
			still = append(still, v)
		}
	}
	g.waiting = still
}
