package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A control is a Cache-Control field, read. Of a directive that is there twice
// the first counts.
type control map[string]string

func controlOf(h http.Header) control {
	c := control{}
	for _, line := range h.Values("Cache-Control") {
		for line != "" {
			var name, value string
			name, value, line = directive(line)
			if _, twice := c[name]; name != "" && !twice {
				c[name] = value
			}
		}
	}
	return c
}

// directive cuts the first directive off, with its argument unquoted.
func directive(s string) (name, value, rest string) {
	i := strings.IndexAny(s, ",=")
	if i < 0 {
		return strings.ToLower(strings.TrimSpace(s)), "", ""
	}
	name = strings.ToLower(strings.TrimSpace(s[:i]))
	if s[i] == ',' {
		return name, "", s[i+1:]
	}
	s = s[i+1:]
	if strings.HasPrefix(s, `"`) {
		return quoted(name, s[1:])
	}
	value, rest, _ = strings.Cut(s, ",")
	return name, strings.TrimSpace(value), rest
}

func quoted(name, s string) (string, string, string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			_, rest, _ := strings.Cut(s[i+1:], ",")
			return name, b.String(), rest
		default:
			b.WriteByte(s[i])
		}
	}
	return name, b.String(), ""
}

func (c control) has(name string) bool { _, ok := c[name]; return ok }

// seconds reads a time. One that is not a number of seconds is no time: what
// depends on it is stale.
func (c control) seconds(name string) (d time.Duration, there bool) {
	v, ok := c[name]
	if !ok {
		return 0, false
	}
	n, err := delta(v)
	if err != nil {
		return 0, true
	}
	return n, true
}

// delta reads delta-seconds; what is too large is 68 years (RFC 9111, 1.2.2).
func delta(v string) (time.Duration, error) {
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	if len(v) == 0 {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n > 1<<31 {
		n = 1 << 31
	}
	return time.Duration(n) * time.Second, nil
}
