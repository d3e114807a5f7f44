package compose

import (
	"strconv"
	"strings"
	"time"
)

// A given is one option of a call.
type given struct {
	name, value string
	attached    bool // the value stands in the same word
}

// splitOption splits "--name=value", "-name" and "-fsSo/dev/null".
func splitOption(word string, options map[string]option) []given {
	if long, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(word, "--") {
		return []given{{long, value, true}}
	}
	if _, ok := options[word]; ok || strings.HasPrefix(word, "--") {
		return []given{{name: word}}
	}
	var all []given
	for i := 1; i < len(word); i++ {
		name := "-" + word[i:i+1]
		if options[name].valued && i+1 < len(word) {
			return append(all, given{name, word[i+1:], true})
		}
		all = append(all, given{name: name})
	}
	return all
}

// An option is one that leaves a call a plain question.
type option struct {
	valued bool
	set    func(f *fetch, value string) bool // nil: it changes nothing; false: it does more than ask
}

func setInsecure(f *fetch, _ string) bool { f.insecure = true; return true }
func setFail(f *fetch, _ string) bool     { f.anyCode = false; return true }
func setHead(f *fetch, _ string) bool     { f.method = "HEAD"; return true }
func setMethod(f *fetch, v string) bool {
	f.method = v
	return v == "GET" || v == "HEAD" || v == "OPTIONS"
}
func noFile(_ *fetch, v string) bool { return v == "-" || v == "/dev/null" }

func setHeader(f *fetch, v string) bool {
	f.headers = append(f.headers, v)
	return strings.Contains(v, ":")
}

func setTimeout(f *fetch, v string) bool {
	seconds, err := strconv.ParseFloat(v, 64)
	f.timeout = time.Duration(seconds * float64(time.Second))
	return err == nil && seconds >= 0 && seconds < 1e6
}

var curlOptions = map[string]option{
	"-f": {set: setFail}, "--fail": {set: setFail}, "--fail-with-body": {set: setFail},
	"-s": {}, "--silent": {}, "-S": {}, "--show-error": {}, "-L": {}, "--location": {}, "-4": {}, "--ipv4": {},
	"-v": {}, "--verbose": {}, "-i": {}, "--include": {}, "-g": {}, "--globoff": {}, "-q": {}, "--compressed": {},
	"-k": {set: setInsecure}, "--insecure": {set: setInsecure},
	"-I": {set: setHead}, "--head": {set: setHead},
	"-X": {true, setMethod}, "--request": {true, setMethod},
	"-H": {true, setHeader}, "--header": {true, setHeader},
	"-o": {true, noFile}, "--output": {true, noFile},
	"-m": {true, setTimeout}, "--max-time": {true, setTimeout}, "--connect-timeout": {valued: true},
	"--retry": {valued: true}, "--retry-delay": {valued: true}, "--retry-max-time": {valued: true}, "--retry-connrefused": {},
	"-A": {valued: true}, "--user-agent": {valued: true}, "--url": {true, setTarget}, "--noproxy": {valued: true},
}

func setTarget(f *fetch, v string) bool {
	fresh := f.url == ""
	f.url = v
	return fresh
}

// wgetOptions leave out what asks more than once a call: the check's own
// retries do that.
var wgetOptions = map[string]option{
	"-q": {}, "--quiet": {}, "-nv": {}, "--no-verbose": {}, "-S": {}, "--server-response": {}, "-4": {}, "-v": {},
	"--spider": {}, "-t": {valued: true}, "--tries": {valued: true}, "-Y": {valued: true}, "--no-proxy": {}, "--proxy": {valued: true},
	"-O": {true, noFile}, "--output-document": {true, noFile},
	"-T": {true, setTimeout}, "--timeout": {true, setTimeout},
	"--no-check-certificate": {set: setInsecure},
	"--header":               {true, setHeader},
	"-U":                     {valued: true}, "--user-agent": {valued: true}, "--no-cache": {}, "--retry-connrefused": {},
}
