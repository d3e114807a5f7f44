package cache

import (
	"net/http"
	"strings"
	"time"
)

// A Policy is what a route says besides the answers.
type Policy struct {
	DefaultTTL time.Duration // of answers that say nothing; 0: heuristic
	Stale      time.Duration // see config.Cache
}

// An Entry is a stored answer. It never changes; a validation makes another.
type Entry struct {
	Status int
	Header http.Header // without what belongs to the connection
	Body   []byte
	Vary   http.Header // the selecting fields of the request that it answered
	Asked  time.Time
	Got    time.Time

	cc  control
	ttl time.Duration
	age time.Duration // when it came
}

// heuristic are the statuses that may be kept without being told (RFC 9110, 15.1).
func heuristic(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// Storable reports that the answer to a GET may be kept (RFC 9111, 3).
func Storable(req, resp http.Header, status int, p Policy) bool {
	cc := controlOf(resp)
	switch {
	case status < 200 || status == 206 || status == 304:
		return false
	case controlOf(req).has("no-store"), cc.has("private"):
		return false
	case cc.has("no-store") && !(cc.has("must-understand") && heuristic(status)):
		return false
	case cc.has("must-understand") && http.StatusText(status) == "":
		return false // a status that nobody registered is not understood (5.2.2.3)
	case varies(resp, "*"):
		return false
	case len(req.Values("Authorization")) > 0 && !cc.has("public") && !cc.has("s-maxage") && !cc.has("must-revalidate"):
		return false
	case len(resp.Values("Set-Cookie")) > 0 && !cc.has("public") && !cc.has("s-maxage"):
		return false // stricter than the RFC: most who set one mean one client
	}
	_, explicit := lifetime(cc, resp)
	return explicit || cc.has("public") || heuristic(status)
}

func varies(resp http.Header, name string) bool {
	for _, v := range varyNames(resp) {
		if v == name {
			return true
		}
	}
	return false
}

func varyNames(resp http.Header) (names []string) {
	for _, line := range resp.Values("Vary") {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	return names
}

// lifetime is how long an answer says that it is fresh.
func lifetime(cc control, h http.Header) (d time.Duration, explicit bool) {
	if d, ok := cc.seconds("s-maxage"); ok {
		return d, true
	}
	if d, ok := cc.seconds("max-age"); ok {
		return d, true
	}
	if v := h.Values("Expires"); len(v) > 0 {
		expires, err := http.ParseTime(v[0])
		date, derr := http.ParseTime(h.Get("Date"))
		if err != nil || derr != nil || len(v) > 1 {
			return 0, true // an invalid date is in the past
		}
		return max(expires.Sub(date), 0), true
	}
	return 0, false
}

// NewEntry makes an entry of an answer that is Storable.
func NewEntry(req, resp http.Header, status int, body []byte, asked, got time.Time, p Policy) *Entry {
	e := &Entry{Status: status, Header: resp, Body: body, Vary: http.Header{}, Asked: asked, Got: got, cc: controlOf(resp)}
	for _, name := range varyNames(resp) {
		e.Vary[name] = selecting(req, name)
	}
	e.ttl = freshFor(e, p)
	e.age = ageOf(resp, asked, got)
	return e
}

// selecting is a field in the form in which it is compared.
func selecting(req http.Header, name string) []string {
	var all []string
	for _, line := range req.Values(name) {
		for v := range strings.SplitSeq(line, ",") {
			all = append(all, strings.TrimSpace(v))
		}
	}
	return all
}

// Answers reports that e is the variant for a request.
func (e *Entry) Answers(req http.Header) bool {
	for name, want := range e.Vary {
		got := selecting(req, name)
		if len(got) != len(want) {
			return false
		}
		for i := range got {
			if got[i] != want[i] {
				return false
			}
		}
	}
	return true
}

// freshFor is an entry's lifetime, guessed where it says nothing: a tenth of
// its age at the origin, at most a day (RFC 9111, 4.2.2).
func freshFor(e *Entry, p Policy) time.Duration {
	if d, ok := lifetime(e.cc, e.Header); ok {
		return d
	}
	if !heuristic(e.Status) && !e.cc.has("public") {
		return 0
	}
	if p.DefaultTTL > 0 {
		return p.DefaultTTL
	}
	modified, err := http.ParseTime(e.Header.Get("Last-Modified"))
	date, derr := http.ParseTime(e.Header.Get("Date"))
	if err != nil || derr != nil {
		return 0
	}
	return min(max(date.Sub(modified)/10, 0), 24*time.Hour)
}

// ageOf is how old an answer was when it came (RFC 9111, 4.2.3).
func ageOf(h http.Header, asked, got time.Time) time.Duration {
	var said time.Duration
	if v := h.Values("Age"); len(v) > 0 {
		first, _, _ := strings.Cut(v[0], ",")
		if d, err := delta(strings.TrimSpace(first)); err == nil {
			said = d
		}
	}
	said += got.Sub(asked)
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		said = max(said, got.Sub(date))
	}
	return max(said, 0)
}

// Age is how old the entry is now.
func (e *Entry) Age(now time.Time) time.Duration { return e.age + max(now.Sub(e.Got), 0) }

// A Use is what a request may get of an entry.
type Use uint8

// The uses, from the best.
const (
	Fresh     Use = iota // serve it
	Meanwhile            // serve it stale, and validate it for the next
	Validate             // ask the origin whether it still holds
)

// Decide says what a request may get of e (RFC 9111, 4 and 5.2.1; RFC 5861).
func Decide(req http.Header, e *Entry, now time.Time, p Policy) Use {
	cc := controlOf(req)
	if len(cc) == 0 && strings.Contains(strings.ToLower(req.Get("Pragma")), "no-cache") {
		cc["no-cache"] = ""
	}
	if cc.has("no-cache") || e.cc.has("no-cache") {
		return Validate
	}
	age := e.Age(now)
	if d, ok := cc.seconds("max-age"); ok && age > d {
		return Validate
	}
	left := e.ttl - age
	if d, ok := cc.seconds("min-fresh"); ok && left < d {
		return Validate
	}
	if left > 0 {
		return Fresh
	}
	if e.strict() {
		return Validate
	}
	if v, ok := cc["max-stale"]; ok {
		if d, err := delta(v); v == "" || err == nil && -left <= d {
			return Fresh
		}
	}
	if d, ok := e.cc.seconds("stale-while-revalidate"); ok && -left <= d || !ok && -left <= p.Stale && p.Stale > 0 {
		return Meanwhile
	}
	return Validate
}

// strict reports that e may never be served stale.
func (e *Entry) strict() bool {
	return e.cc.has("must-revalidate") || e.cc.has("proxy-revalidate") || e.cc.has("s-maxage")
}

// InsteadOfError reports that e may be served when the origin fails.
func (e *Entry) InsteadOfError(req http.Header, now time.Time, p Policy) bool {
	if e.strict() || e.cc.has("no-cache") || controlOf(req).has("no-cache") {
		return false
	}
	over := e.Age(now) - e.ttl
	for _, cc := range []control{e.cc, controlOf(req)} {
		if d, ok := cc.seconds("stale-if-error"); ok {
			return over <= d
		}
	}
	return over <= p.Stale
}

// OnlyIfCached reports that a request wants nothing from the origin.
func OnlyIfCached(req http.Header) bool { return controlOf(req).has("only-if-cached") }

// NoStore reports that nothing of a request may be kept.
func NoStore(req http.Header) bool { return controlOf(req).has("no-store") }

// Conditions puts the validators of e in the place of a request's own.
func (e *Entry) Conditions(req http.Header) {
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range", "Range"} {
		req.Del(name)
	}
	if tag := e.Header.Get("Etag"); tag != "" {
		req.Set("If-None-Match", tag)
	}
	if at := e.Header.Get("Last-Modified"); at != "" {
		req.Set("If-Modified-Since", at)
	}
}

// Validator reports that the origin can be asked about e.
func (e *Entry) Validator() bool {
	return e.Header.Get("Etag") != "" || e.Header.Get("Last-Modified") != ""
}

// Validated is e after the origin has answered 304 (RFC 9111, 3.2). ok is false
// when the 304 speaks of another answer.
func (e *Entry) Validated(req, resp http.Header, asked, got time.Time, p Policy) (next *Entry, ok bool) {
	if tag := resp.Get("Etag"); tag != "" && strings.TrimPrefix(tag, "W/") != strings.TrimPrefix(e.Header.Get("Etag"), "W/") {
		return nil, false
	}
	h := e.Header.Clone()
	h.Del("Age")
	for name, v := range resp {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Range", "Transfer-Encoding", "Connection", "Keep-Alive":
		default:
			h[name] = v
		}
	}
	next = NewEntry(req, h, e.Status, e.Body, asked, got, p)
	return next, true
}
