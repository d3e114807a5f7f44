package compose

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// An Error says what is wrong with a compose file, and where.
type Error struct {
	File string // as the user names it
	Line int    // from 1; 0: the fault has no line
	Path string // of the attribute: services.web.ports[0]; may be empty
	Msg  string // what is wrong, and the way out
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	return b.String() + ": " + e.Msg
}

// compare orders errors as a reader meets them.
func (e *Error) compare(o *Error) int {
	return cmp.Or(cmp.Compare(e.File, o.File), cmp.Compare(e.Line, o.Line), cmp.Compare(e.Path, o.Path))
}

// A path leads to an attribute: services, web, ports, 0.
type path []string

// with returns p and one more step. It never writes into p's array.
func (p path) with(step string) path {
	return append(p[:len(p):len(p)], step)
}

func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		if _, err := strconv.Atoi(s); err == nil && (i > 1 || i == 1 && p[0] == "include") {
			b.WriteString("[" + s + "]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s)
	}
	return b.String()
}

// matches says whether p is an instance of pattern, in which * is any step.
func (p path) matches(pattern path) bool {
	if len(p) != len(pattern) {
		return false
	}
	for i, s := range pattern {
		if s != "*" && s != p[i] {
			return false
		}
	}
	return true
}

// asService returns where the same attribute of a service would stand: what
// holds of a service's container holds of a job's and of a pre_start hook's.
func (p path) asService() path {
	switch {
	case len(p) > 1 && p[0] == "jobs":
		return append(path{"services"}, p[1:]...)
	case len(p) > 4 && p[0] == "services" && p[2] == "pre_start":
		return append(path{"services", p[1]}, p[4:]...)
	}
	return p
}
