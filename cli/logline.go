package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// maxLine bounds one line of a log, in bytes. The kubelet cuts at 16 KiB.
const maxLine = 1 << 20

func lines(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	return s
}

// A logStream reads stamped lines.
type logStream struct {
	source source
	scan   *bufio.Scanner
	stamp  string
	at     time.Time // the same
	text   string
}

func (l *logStream) next() bool {
	if !l.scan.Scan() {
		return false
	}
	l.stamp, l.text, _ = strings.Cut(l.scan.Text(), " ")
	if at, err := time.Parse(time.RFC3339Nano, l.stamp); err == nil {
		l.at = at
	}
	return true
}

// oldest is the index of the stream whose next line was said first.
func oldest(heads []*logStream) int {
	at := 0
	for i, h := range heads {
		if h.at.Before(heads[at].at) {
			at = i
		}
	}
	return at
}

// A logWriter prints whole lines of several sources at once.
type logWriter struct {
	colour bool
	times  bool

	mu      sync.Mutex // guards what follows, and that lines stay whole
	w       io.Writer
	wide    int
	colours map[string]int
}

// palette are the colours of labels: clear on dark and on light screens.
var palette = []int{36, 33, 32, 35, 34, 96, 93, 92, 95, 94}

func (w *logWriter) line(label, stamp, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wide = max(w.wide, utf8.RuneCountInString(label))
	pad := strings.Repeat(" ", w.wide-utf8.RuneCountInString(label))
	if w.times {
		text = stamp + " " + text
	}
	if !w.colour {
		fmt.Fprintf(w.w, "%s%s | %s\n", label, pad, text)
		return
	}
	fmt.Fprintf(w.w, "\x1b[%dm%s%s |\x1b[0m %s\n", w.pick(label), label, pad, text)
}

// pick gives each label a colour of its own, as long as there are some.
func (w *logWriter) pick(label string) int {
	if w.colours == nil {
		w.colours = map[string]int{}
	}
	c, ok := w.colours[label]
	if !ok {
		c = palette[len(w.colours)%len(palette)]
		w.colours[label] = c
	}
	return c
}
