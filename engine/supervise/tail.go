package supervise

import (
	"io"
	"strings"
	"sync"
)

// A tail passes what a child prints to its log and remembers the end of it.
// It never fails: a child must not die because the disk of its log is full.
type tail struct {
	w io.Writer

	mu  sync.Mutex
	end []byte // guarded by mu; at most keep bytes
}

const keep = 2048

func (t *tail) Write(b []byte) (int, error) {
	_, _ = t.w.Write(b)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, b...)
	if n := len(t.end) - keep; n > 0 {
		t.end = append(t.end[:0], t.end[n:]...)
	}
	return len(b), nil
}

// last returns the last line that was printed.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.end))
	if text == "" {
		return "it printed nothing"
	}
	return text[strings.LastIndexByte(text, '\n')+1:]
}
