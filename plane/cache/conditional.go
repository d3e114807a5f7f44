package cache

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// NotModified reports that a conditional request already has what e is
// (RFC 9110, 13.2.2).
func (e *Entry) NotModified(req http.Header) bool {
	if tags := req.Values("If-None-Match"); len(tags) > 0 {
		mine := strings.TrimPrefix(e.Header.Get("Etag"), "W/")
		for _, line := range tags {
			for tag := range strings.SplitSeq(line, ",") {
				tag = strings.TrimSpace(tag)
				if tag == "*" || mine != "" && strings.TrimPrefix(tag, "W/") == mine {
					return true
				}
			}
		}
		return false
	}
	since, err := http.ParseTime(req.Get("If-Modified-Since"))
	if err != nil {
		return false
	}
	for _, name := range []string{"Last-Modified", "Date"} {
		if at, err := http.ParseTime(e.Header.Get(name)); err == nil {
			return !at.After(since)
		}
	}
	return false
}

// A Part is a range of a body.
type Part struct {
	From, To int // To is behind the last byte
	Invalid  bool
}

// Range returns the part that a request asks for; ok is false when it gets the
// whole: no range, several, or one of another version (RFC 9110, 14.2).
func (e *Entry) Range(req http.Header) (p Part, ok bool) {
	spec, found := strings.CutPrefix(req.Get("Range"), "bytes=")
	if !found || e.Status != 200 || strings.Contains(spec, ",") || !e.sameVersion(req.Get("If-Range")) {
		return p, false
	}
	a, b, found := strings.Cut(strings.TrimSpace(spec), "-")
	if !found {
		return p, false
	}
	n := len(e.Body)
	if a == "" {
		last, err := strconv.Atoi(b)
		if err != nil || last < 0 {
			return p, false
		}
		return Part{From: max(n-last, 0), To: n, Invalid: last == 0}, true
	}
	from, err := strconv.Atoi(a)
	if err != nil || from < 0 {
		return p, false
	}
	to := n - 1
	if b != "" {
		if to, err = strconv.Atoi(b); err != nil || to < from {
			return p, false
		}
	}
	return Part{From: from, To: min(to+1, n), Invalid: from >= n}, true
}

func (e *Entry) sameVersion(ifRange string) bool {
	if ifRange == "" {
		return true
	}
	if strings.HasPrefix(ifRange, `"`) {
		return ifRange == e.Header.Get("Etag")
	}
	return ifRange == e.Header.Get("Last-Modified")
}

// ContentRange names a part of n bytes.
func (p Part) ContentRange(n int) string {
	if p.Invalid {
		return fmt.Sprintf("bytes */%d", n)
	}
	return fmt.Sprintf("bytes %d-%d/%d", p.From, p.To-1, n)
}
