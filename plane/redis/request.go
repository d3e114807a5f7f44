package redis

import (
	"bytes"
	"fmt"
)

const (
	maxArgs   = 1 << 20
	maxInline = 64 << 10
)

// A request is one command, parsed in place.
type request struct {
	raw  []byte   // as it goes on
	args [][]byte // the command's name, then its arguments
	own  []byte   // raw of an inline command, which is written anew
}

// parse reads one request at the start of p. n is its length; 0 while bytes
// are missing, and then at least need of them must be there before it is worth
// trying again. An empty request has a length and no args. No request may be
// longer than limit.
func (r *request) parse(p []byte, limit int) (n, need int, err error) {
	r.args = r.args[:0]
	if len(p) == 0 {
		return 0, 1, nil
	}
	if p[0] != '*' {
		return r.parseInline(p)
	}
	argc, i, err := number(p, 1)
	if i == 0 || err != nil {
		return 0, 0, err
	}
	if argc > maxArgs {
		return 0, 0, fmt.Errorf("%d arguments are more than %d", argc, maxArgs)
	}
	for range argc {
		if i >= len(p) {
			return 0, 0, nil
		}
		if p[i] != '$' {
			return 0, 0, fmt.Errorf("expected '$', got %q", p[i])
		}
		size, start, err := number(p, i+1)
		if start == 0 || err != nil {
			return 0, 0, err
		}
		end := start + size
		if size < 0 || end+2 > limit {
			return 0, 0, fmt.Errorf("an argument of %d bytes in a request that may have %d", size, limit)
		}
		if end+2 > len(p) {
			return 0, end + 2, nil
		}
		r.args = append(r.args, p[start:end])
		i = end + 2
	}
	r.raw = p[:i]
	return i, 0, nil
}

// number reads an integer up to its line end. next is what follows; 0: more
// bytes are needed.
func number(p []byte, i int) (v, next int, err error) {
	negative := i < len(p) && p[i] == '-'
	if negative {
		i++
	}
	for start := i; i < len(p); i++ {
		c := p[i]
		if c-'0' <= 9 && i-start < 18 {
			v = v*10 + int(c-'0')
			continue
		}
		if c != '\r' || i == start {
			return 0, 0, fmt.Errorf("expected a number, got %q", p[start:i+1])
		}
		if i+1 == len(p) {
			return 0, 0, nil
		}
		if p[i+1] != '\n' {
			return 0, 0, fmt.Errorf("expected a line end, got %q", p[i:i+2])
		}
		if negative {
			v = -v
		}
		return v, i + 2, nil
	}
	return 0, 0, nil
}

// parseInline reads a command as a person types it.
func (r *request) parseInline(p []byte) (n, need int, err error) {
	i := bytes.IndexByte(p[:min(len(p), maxInline)], '\n')
	if i < 0 {
		if len(p) >= maxInline {
			return 0, 0, fmt.Errorf("an inline command is longer than %d bytes", maxInline)
		}
		return 0, len(p) + 1, nil
	}
	if r.args, err = words(r.args, p[:i]); err != nil || len(r.args) == 0 {
		return i + 1, 0, err
	}
	r.own = encode(r.own[:0], r.args...)
	r.raw = r.own
	return i + 1, 0, nil
}

// words splits a line at blanks. Quotes hold blanks together; in double quotes
// a backslash stands before n, r, t, a quote or a backslash.
func words(args [][]byte, line []byte) ([][]byte, error) {
	for i := 0; ; {
		for i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r') {
			i++
		}
		if i == len(line) {
			return args, nil
		}
		if q := line[i]; q == '"' || q == '\'' {
			word, n := quoted(line[i:], q)
			if n == 0 {
				return args, fmt.Errorf("unbalanced quotes in request")
			}
			args, i = append(args, word), i+n
			continue
		}
		start := i
		for i < len(line) && line[i] != ' ' && line[i] != '\t' && line[i] != '\r' {
			i++
		}
		args = append(args, line[start:i])
	}
}

// quoted reads a word that begins with the quote q; n is 0 when it does not end.
func quoted(p []byte, q byte) (word []byte, n int) {
	for i := 1; i < len(p); i++ {
		switch {
		case p[i] == q:
			return word, i + 1
		case p[i] == '\\' && i+1 < len(p):
			i++
			c := p[i]
			if at := bytes.IndexByte([]byte("nrt"), c); at >= 0 && q == '"' {
				c = "\n\r\t"[at]
			}
			word = append(word, c)
		default:
			word = append(word, p[i])
		}
	}
	return nil, 0
}

// encode appends a request.
func encode(b []byte, args ...[]byte) []byte {
	b = header(b, '*', len(args))
	for _, a := range args {
		b = bulk(b, a)
	}
	return b
}

// header appends a type, a number and a line end.
func header(b []byte, kind byte, n int) []byte {
	b = append(b, kind)
	if n >= 0 && n < 10 {
		return append(b, byte('0'+n), '\r', '\n')
	}
	return append(fmt.Append(b, n), '\r', '\n')
}

func bulk(b, v []byte) []byte {
	b = append(header(b, '$', len(v)), v...)
	return append(b, '\r', '\n')
}
