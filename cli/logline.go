package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// maxLine bounds one line of a log, in bytes; a longer one is printed in parts.
const maxLine = 1 << 20

// A logStream reads stamped lines.
type logStream struct {
	source source
	scan   *bufio.Scanner
	stamp  string
	at     time.Time // the same
	text   string
	part   bool // text goes on where the one before it was cut
	cut    bool // text has no end yet
}

func newStream(s source, r io.Reader) *logStream {
	l := &logStream{source: s, scan: bufio.NewScanner(r)}
	l.scan.Buffer(nil, maxLine)
	l.scan.Split(l.split)
	return l
}

// split ends a token at a newline, or where no more fits into memory.
func (l *logStream) split(data []byte, end bool) (advance int, token []byte, err error) {
	l.cut = false
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, bytes.TrimSuffix(data[:i], []byte("\r")), nil
	}
	if len(data) >= maxLine {
		l.cut = true
		return len(data), data, nil
	}
	if end && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func (l *logStream) next() bool {
	l.part = l.cut
	if !l.scan.Scan() {
		return false
	}
	if l.text = l.scan.Text(); l.part {
		return true
	}
	l.stamp, l.text, _ = strings.Cut(l.text, " ")
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
	bare   bool // without labels
	json   bool
	stack  string
	wanted sieve // what each source's own begins as

	mu      sync.Mutex // guards what follows, and that lines stay whole
	w       io.Writer
	wide    int
	colours map[string]int
	sieves  map[string]*sieve
}

// A logLine is one line in the stable output of nagi logs -o json.
type logLine struct {
	Time      string `json:"time"` // RFC 3339, with nanoseconds
	Stack     string `json:"stack"`
	Service   string `json:"service"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Line      string `json:"line"`
}

// palette are the colours of services: clear on dark and on light screens.
var palette = []int{36, 33, 32, 35, 34, 96, 93, 92, 95, 94}

func (w *logWriter) line(s source, stamp, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.sieve(s).pass(said{stamp, text}) {
		w.print(s, l)
	}
}

func (w *logWriter) print(s source, l said) {
	if w.json {
		_ = json.NewEncoder(w.w).Encode(logLine{l.stamp, w.stack, s.service, s.pod, s.container, l.text}) // as lost as any print
		return
	}
	text := l.text
	if w.times {
		text = l.stamp + " " + text
	}
	if w.bare {
		fmt.Fprintln(w.w, text)
		return
	}
	w.wide = max(w.wide, utf8.RuneCountInString(s.label))
	pad := strings.Repeat(" ", w.wide-utf8.RuneCountInString(s.label))
	if !w.colour {
		fmt.Fprintf(w.w, "%s%s | %s\n", s.label, pad, text)
		return
	}
	fmt.Fprintf(w.w, "\x1b[%dm%s%s |\x1b[0m %s\n", w.pick(s.service), s.label, pad, text)
}

// pick gives each service a colour of its own, as long as there are some.
func (w *logWriter) pick(service string) int {
	if w.colours == nil {
		w.colours = map[string]int{}
	}
	c, ok := w.colours[service]
	if !ok {
		c = palette[len(w.colours)%len(palette)]
		w.colours[service] = c
	}
	return c
}

// sieve returns that of one source.
func (w *logWriter) sieve(s source) *sieve {
	if w.sieves == nil {
		w.sieves = map[string]*sieve{}
	}
	key := s.pod + "/" + s.container
	if w.sieves[key] == nil {
		own := w.wanted
		w.sieves[key] = &own
	}
	return w.sieves[key]
}
