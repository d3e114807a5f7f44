package cli

import (
	"fmt"
	"io"
	"time"

	"nagi.dev/api/v1alpha1"
)

// A board shows how services come up: in place on a terminal, elsewhere one
// line for each change.
type board struct {
	to    io.Writer
	begun time.Time
	drawn int               // lines on the terminal
	said  map[string]string // service: what was last printed of it
}

func (b *board) show(services []v1alpha1.ServiceStatus) {
	if b.said == nil {
		b.said = map[string]string{}
	}
	if !terminal(b.to) {
		b.append(services)
		return
	}
	if b.drawn > 0 {
		fmt.Fprintf(b.to, "\x1b[%dA", b.drawn)
	}
	for _, s := range services {
		b.remember(s)
		fmt.Fprintf(b.to, "\r\x1b[K%s\n", cut(b.text(s), width(b.to)))
	}
	for i := len(services); i < b.drawn; i++ {
		fmt.Fprint(b.to, "\r\x1b[K\n")
	}
	b.drawn = max(b.drawn, len(services))
}

func (b *board) append(services []v1alpha1.ServiceStatus) {
	for _, s := range services {
		if b.remember(s) {
			fmt.Fprintln(b.to, b.text(s))
		}
	}
}

// remember tells whether a service changed, and keeps when.
func (b *board) remember(s v1alpha1.ServiceStatus) bool {
	is := fmt.Sprint(s.State, s.Ready, s.Wanted, s.Reason)
	old, seen := b.said[s.Name]
	if seen && old == is {
		return false
	}
	b.said[s.Name] = is
	b.said[s.Name+"\x00at"] = since(b.begun)
	return true
}

func (b *board) text(s v1alpha1.ServiceStatus) string {
	line := fmt.Sprintf("  %-16s %-11s %d/%d  %6s", s.Name, s.State, s.Ready, s.Wanted, b.said[s.Name+"\x00at"])
	if why := because(s.Reason, s.Message); why != "" {
		line += "  " + cut(why, glance)
	}
	return line
}
