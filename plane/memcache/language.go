package memcache

import (
	"bytes"
	"errors"
	"fmt"

	"nagi.dev/plane/shards"
)

// text is what a pool must know of the protocol.
type text struct{}

// Login is nothing.
func (text) Login(shards.Login, uint8) [][]byte { return nil }

// Ping asks for the version.
func (text) Ping() []byte { return []byte("version\r\n") }

// Refused returns an error reply.
func (text) Refused(p []byte) error {
	if !isError(p) {
		return nil
	}
	return errors.New(string(bytes.TrimRight(p, "\r\n")))
}

func isError(p []byte) bool {
	return bytes.HasPrefix(p, []byte("ERROR")) || bytes.HasPrefix(p, []byte("SERVER_ERROR")) || bytes.HasPrefix(p, []byte("CLIENT_ERROR"))
}

// Push is none.
func (text) Push([]byte) bool { return false }

// Scanner finds the ends of replies.
func (text) Scanner() shards.Scanner { return new(scanner) }

const longestReplyLine = 8 << 10

// A scanner finds the end of a reply: a line, or a meta value, or values and END.
type scanner struct {
	pos  int  // looked at
	list bool // values have begun
	one  bool // the bytes thrown away are those of a meta value
	skip int
}

// Scan goes on in p.
func (s *scanner) Scan(p []byte) (n, need int, err error) {
	for {
		i := bytes.IndexByte(p[s.pos:], '\n')
		if i < 0 {
			if len(p)-s.pos > longestReplyLine {
				return 0, 0, fmt.Errorf("a line of more than %d bytes", longestReplyLine)
			}
			return 0, len(p) + 1, nil
		}
		line := p[s.pos : s.pos+i+1]
		size, kind, err := head(line)
		if err != nil {
			return 0, 0, err
		}
		end := s.pos + len(line)
		if kind != lone {
			end += size + 2
			if end > len(p) {
				s.one = kind == meta
				return 0, end, nil
			}
			if p[end-2] != '\r' || p[end-1] != '\n' {
				return 0, 0, errors.New("a value does not end where it should")
			}
		}
		if kind == listed {
			s.pos, s.list = end, true
			continue
		}
		if s.list && kind == meta {
			return 0, 0, errors.New("a meta value in a list of values")
		}
		s.pos, s.list = 0, false
		return end, 0, nil
	}
}

// The kinds of a line in a reply.
const (
	lone   = iota
	listed // VALUE key flags bytes [cas]: a value follows, then more lines
	meta   // VA bytes flags*: a value follows, then nothing
)

func head(line []byte) (size, kind int, err error) {
	var word []byte
	switch {
	case bytes.HasPrefix(line, []byte("VALUE ")):
		kind, word = listed, field(line, 3)
	case bytes.HasPrefix(line, []byte("VA ")):
		kind, word = meta, field(line, 1)
	default:
		return 0, lone, nil
	}
	size, ok := digits(word)
	if !ok {
		return 0, 0, fmt.Errorf("%.60q names no size", line)
	}
	return size, kind, nil
}

// field is the word at index i of a line.
func field(line []byte, i int) []byte {
	line = bytes.TrimRight(line, "\r\n")
	for ; i > 0; i-- {
		at := bytes.IndexByte(line, ' ')
		if at < 0 {
			return nil
		}
		line = line[at+1:]
	}
	word, _, _ := bytes.Cut(line, []byte(" "))
	return word
}

func digits(p []byte) (n int, ok bool) {
	if len(p) == 0 || len(p) > 10 {
		return 0, false
	}
	for _, c := range p {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// Discard goes on in p and keeps nothing.
func (s *scanner) Discard(p []byte) (done int, end bool, err error) {
	if s.skip > 0 {
		done = min(s.skip, len(p))
		if s.skip -= done; s.skip > 0 {
			return done, false, nil
		}
		if s.one {
			*s = scanner{}
			return done, true, nil
		}
		s.list = true
		return done, false, nil
	}
	if len(p) == 0 {
		return 0, false, nil
	}
	n, need, err := s.Scan(p)
	if err != nil || n > 0 {
		return n, n > 0, err
	}
	done, s.pos = s.pos, 0
	if need > len(p)+1 { // in the middle of a value
		done, s.skip = len(p), need-len(p)
	}
	return done, false, nil
}
