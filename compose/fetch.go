package compose

import (
	"net/url"
	slashpath "path"
	"slices"
	"strings"
	"time"
)

// A fetch is a call of curl or wget that asks one URL and looks at nothing but
// whether it answers.
type fetch struct {
	url      string
	method   string   // "": GET
	headers  []string // "Key: value"
	insecure bool
	anyCode  bool          // curl without --fail is content with every answer
	timeout  time.Duration // 0: not given
}

// args returns the arguments of nagi-plane probe. limit is the check's timeout.
func (f fetch) args(limit time.Duration) []string {
	if f.timeout > 0 {
		limit = min(limit, f.timeout)
	}
	args := []string{f.url, "--timeout", limit.String()}
	if f.anyCode {
		args = append(args, "--status", "100-599")
	}
	if f.method != "" {
		args = append(args, "--method", f.method)
	}
	for _, h := range f.headers {
		args = append(args, "--header", h)
	}
	if f.insecure {
		args = append(args, "--insecure")
	}
	return args
}

// quiet are the endings of a shell line that change nothing for a check: any
// failure is a failure, and nobody reads the output.
var quiet = [][]string{
	{"||", "exit", "1"},
	{"||", "false"},
	{">/dev/null"},
	{">", "/dev/null"},
	{"1>/dev/null"},
	{"2>/dev/null"},
	{"2>", "/dev/null"},
	{"2>&1"},
	{"&>/dev/null"},
	{"&>", "/dev/null"},
}

// simpleWords splits a shell line that is one plain call. It returns nil when
// a shell would do more than split it.
func simpleWords(line string) []string {
	words := strings.Fields(strings.ReplaceAll(line, "||", " || "))
	for cut := true; cut; {
		cut = false
		for _, ending := range quiet {
			if n := len(words) - len(ending); n > 0 && slices.Equal(words[n:], ending) {
				words, cut = words[:n], true
			}
		}
	}
	for i, w := range words {
		plain, ok := unquote(w)
		if !ok {
			return nil
		}
		words[i] = plain
	}
	return words
}

// unquote takes the quotes off a word without blanks; false when a shell would
// read something into it.
func unquote(word string) (string, bool) {
	for _, quote := range []string{`"`, `'`} {
		if inner, ok := strings.CutPrefix(word, quote); ok {
			inner, closed := strings.CutSuffix(inner, quote)
			return inner, closed && !strings.ContainsAny(inner, "\"'`$\\")
		}
	}
	return word, !strings.ContainsAny(word, "\"'`$\\|&;<>(){}*?[]#~!")
}

// parseFetch reads a call of curl or wget; false: it is none, or it does more
// than ask.
func parseFetch(words []string) (fetch, bool) {
	if len(words) < 2 {
		return fetch{}, false
	}
	var f fetch
	options := curlOptions
	switch slashpath.Base(words[0]) {
	case "curl":
		f.anyCode = true
	case "wget":
		options = wgetOptions
	default:
		return f, false
	}
	return f, f.read(words[1:], options) && f.setURL()
}

// read takes the options off the words; what is left has to be one URL.
func (f *fetch) read(words []string, options map[string]option) bool {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if !strings.HasPrefix(word, "-") {
			if f.url != "" {
				return false
			}
			f.url = word
			continue
		}
		for _, o := range splitOption(word, options) {
			known, ok := options[o.name]
			value := o.value
			if ok && known.valued && !o.attached {
				if len(words) == 0 {
					return false
				}
				value, words = words[0], words[1:]
			}
			if !ok || known.set != nil && !known.set(f, value) {
				return false
			}
		}
	}
	return true
}

// setURL completes and checks the URL: both programs take http for granted.
func (f *fetch) setURL() bool {
	if !strings.Contains(f.url, "://") {
		f.url = "http://" + f.url
	}
	u, err := url.Parse(f.url)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}
