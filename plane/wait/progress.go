package wait

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// progress prints a line whenever the state of a target changes.
type progress struct {
	mu   sync.Mutex // guards both
	out  io.Writer
	said map[string]string // the last line of each target
}

// change prints line unless it is what target said last.
func (p *progress) change(target, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.said == nil {
		p.said = map[string]string{}
	}
	if p.said[target] != line {
		p.said[target] = line
		fmt.Fprintln(p.out, line)
	}
}

func (p *progress) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

func (p *progress) last(target string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.said[target]; s != "" {
		return s
	}
	return "waiting for " + target
}

// Bounds of the pause between two tries at an API server that is away. Many
// pods may wait at once: the pause doubles and is spread by a random half.
const (
	firstPause = 250 * time.Millisecond
	maxPause   = 5 * time.Second
)

type backoff struct{ first, next time.Duration }

func (b *backoff) reset() { b.next = 0 }

func (b *backoff) wait(ctx context.Context) {
	if b.first == 0 {
		b.first = firstPause
	}
	b.next = min(max(2*b.next, b.first), maxPause)
	spread := b.next/2 + rand.N(b.next/2+1)
	select {
	case <-ctx.Done():
	case <-time.After(spread):
	}
}
