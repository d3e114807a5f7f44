package build

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// An idle counts the calls that are served, and tells when there was none for
// some time.
type idle struct {
	after time.Duration
	fire  func() // called once, in a goroutine of its own

	mu     sync.Mutex // guards what follows
	active int
	timer  *time.Timer
}

func newIdle(after time.Duration, fire func()) *idle {
	return &idle{after: after, fire: fire, timer: time.AfterFunc(after, fire)}
}

func (i *idle) enter() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.active++
	i.timer.Stop()
}

func (i *idle) leave() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.active--; i.active == 0 {
		i.timer.Reset(i.after)
	}
}

// stop forgets the time.
func (i *idle) stop() { i.enter() }

func (i *idle) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
	i.enter()
	defer i.leave()
	return h(ctx, req)
}

func (i *idle) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) error {
	i.enter()
	defer i.leave()
	return h(srv, s)
}
