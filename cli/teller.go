package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

// quiet is how long a build may take before a person hears of it.
const quiet = time.Second

// A teller prints what one of several builds says: each line behind the name
// of its service. Of a build that is over within a second it prints nothing,
// unless that failed.
type teller struct {
	out    io.Writer
	prefix string
	timer  *time.Timer

	mu    *sync.Mutex  // guards out, for all tellers, and what follows
	text  bytes.Buffer // not yet printed
	loud  bool
	ended bool
}

// newTeller prints to out, which mu guards, for name, one of all.
func newTeller(mu *sync.Mutex, out io.Writer, name string, all []string) *teller {
	width := 0
	for _, n := range all {
		width = max(width, len(n))
	}
	t := &teller{out: out, prefix: fmt.Sprintf("%-*s | ", width, name), mu: mu}
	t.timer = time.AfterFunc(quiet, t.speak)
	return t
}

// Write implements io.Writer.
func (t *teller) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(p)
	if t.loud {
		t.print()
	}
	return len(p), nil
}

// speak prints what was held back, and from now on all.
func (t *teller) speak() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.loud = true
		t.print()
	}
}

// end prints the rest of a build that was heard of, or that failed.
func (t *teller) end(failed bool) {
	t.timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if !t.loud && !failed {
		return
	}
	t.print()
	if t.text.Len() > 0 {
		t.line(t.text.Bytes())
	}
}

// print writes the lines that are whole; empty ones only part a build from
// itself.
func (t *teller) print() {
	for {
		i := bytes.IndexByte(t.text.Bytes(), '\n')
		if i < 0 {
			return
		}
		t.line(t.text.Next(i + 1)[:i])
	}
}

func (t *teller) line(b []byte) {
	if len(bytes.TrimSpace(b)) > 0 {
		fmt.Fprintf(t.out, "%s%s\n", t.prefix, b)
	}
}
