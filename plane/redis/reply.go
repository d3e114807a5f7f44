package redis

import (
	"bytes"
	"fmt"
)

// maxDepth bounds how deep replies nest.
const maxDepth = 32

// A scanner finds the end of a reply that comes in pieces, without looking at
// any byte twice. The zero scanner stands at the start of a reply.
type scanner struct {
	pos  int   // looked at
	left []int // elements to come, of each level
	skip int   // bytes of a bulk that are thrown away as they come
}

// simple is the length of a reply of one line or one bulk that is whole; 0 when
// it is neither or not whole. Nearly all replies are such.
func simple(p []byte) int {
	switch p[0] {
	case '+', '-', ':':
		return bytes.IndexByte(p, '\n') + 1
	case '$':
		size, i, err := number(p, 1)
		switch {
		case i == 0 || err != nil:
			return 0
		case size < 0:
			return i
		case i+size+2 <= len(p):
			return i + size + 2
		}
	}
	return 0
}

// scan goes on in p, which begins where the reply does. n is its length; 0 while
// bytes are missing, of which need must be there before it goes on.
func (s *scanner) scan(p []byte) (n, need int, err error) {
	for {
		next, size, err := s.element(p)
		if err != nil {
			return 0, 0, err
		}
		if next == 0 {
			return 0, size, nil
		}
		s.pos = next
		if s.closed() {
			return next, 0, nil
		}
	}
}

// element passes one element, or the head of an aggregate. next is where the
// following begins; 0: size bytes must be there.
func (s *scanner) element(p []byte) (next, size int, err error) {
	if s.pos >= len(p) {
		return 0, s.pos + 1, nil
	}
	kind := p[s.pos]
	switch kind {
	case '+', '-', ':', '_', '#', ',', '(':
		i := bytes.IndexByte(p[s.pos:], '\n')
		if i < 0 {
			return 0, len(p) + 1, nil
		}
		s.counted()
		return s.pos + i + 1, 0, nil
	case '$', '=', '!', '*', '%', '~', '>', '|':
	default:
		return 0, 0, fmt.Errorf("a reply begins with %q", kind)
	}
	count, i, err := number(p, s.pos+1)
	if err != nil {
		return 0, 0, err
	}
	if i == 0 {
		return 0, len(p) + 1, nil
	}
	if kind == '$' || kind == '=' || kind == '!' {
		end := i
		if count >= 0 {
			end = i + count + 2
		}
		if end > len(p) {
			return 0, end, nil
		}
		s.counted()
		return end, 0, nil
	}
	return i, 0, s.open(kind, count)
}

// counted takes one element off the innermost level.
func (s *scanner) counted() {
	if k := len(s.left); k > 0 {
		s.left[k-1]--
	}
}

// open enters an aggregate. An attribute stands before an element and is none.
func (s *scanner) open(kind byte, count int) error {
	if kind != '|' {
		s.counted()
	}
	switch {
	case count < 0:
		count = 0
	case kind == '%':
		count *= 2
	case kind == '|':
		count *= 2
		if len(s.left) == 0 {
			count++ // the reply itself
		}
	}
	if len(s.left) >= maxDepth {
		return fmt.Errorf("a reply nests deeper than %d", maxDepth)
	}
	s.left = append(s.left, count)
	return nil
}

// discard goes on in p like scan, but keeps nothing: done bytes are finished
// with. end says that the reply ends there.
func (s *scanner) discard(p []byte) (done int, end bool, err error) {
	if s.skip > 0 {
		done = min(s.skip, len(p))
		if s.skip -= done; s.skip > 0 {
			return done, false, nil
		}
		s.counted()
		s.pos = done
		if s.closed() {
			return done, true, nil
		}
	}
	n, need, err := s.scan(p)
	if err != nil || n > 0 {
		return n, n > 0, err
	}
	if done = s.pos; need > len(p)+64 { // in the middle of a bulk
		done, s.skip = len(p), need-len(p)
	}
	s.pos = 0
	return done, false, nil
}

// closed leaves the levels that are full; it says whether that was all.
func (s *scanner) closed() bool {
	for len(s.left) > 0 && s.left[len(s.left)-1] == 0 {
		s.left = s.left[:len(s.left)-1]
	}
	if len(s.left) == 0 {
		s.pos = 0
		return true
	}
	return false
}
