package redis

import (
	"bytes"
	"testing"
)

func FuzzRequest(f *testing.F) {
	for _, s := range []string{"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "GET a\r\n", "*0\r\n", "*-1\r\n", "SET \"a\\n\" 'b'\n", "*1\r\n$-1\r\n"} {
		f.Add([]byte(s), 5)
	}
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		var r, again request
		n, _, err := r.parse(p, 1<<20)
		if n < 0 || n > len(p) {
			t.Fatalf("%d of %d bytes", n, len(p))
		}
		if err != nil || n == 0 {
			return
		}
		// Less of it is not enough, and what goes on is the same request.
		if k := max(0, min(cut, n-1)); k < n {
			if m, _, err := new(request).parse(p[:k], 1<<20); m != 0 && p[0] == '*' || err != nil && p[0] == '*' {
				t.Fatalf("%q of %q: %d bytes, %v", p[:k], p[:n], m, err)
			}
		}
		if len(r.args) == 0 {
			return
		}
		m, _, err := again.parse(r.raw, 1<<20)
		if err != nil || m != len(r.raw) || len(again.args) != len(r.args) {
			t.Fatalf("%q goes on as %q: %d args, %v", p[:n], r.raw, len(again.args), err)
		}
		for i := range r.args {
			if !bytes.Equal(r.args[i], again.args[i]) {
				t.Fatalf("argument %d of %q: %q, then %q", i, p[:n], r.args[i], again.args[i])
			}
		}
		if cmd := find(r.args[0]); cmd != nil && len(r.args) >= cmd.least {
			cmd.keys(r.args, func(i int) bool { _ = r.args[i]; return true })
		}
	})
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		"+OK\r\n", "$3\r\nabc\r\n", "$-1\r\n", "*2\r\n:1\r\n*1\r\n+a\r\n", "%1\r\n+a\r\n_\r\n", "|1\r\n+k\r\n+v\r\n:1\r\n", "*-1\r\n", "*0\r\n",
		"*2\r\n$5\r\nhello\r\n*3\r\n:1\r\n:2\r\n$1\r\nx\r\n",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, p []byte, step uint8) {
		var whole scanner
		n, _, err := whole.scan(p)
		if n < 0 || n > len(p) {
			t.Fatalf("%d of %d bytes", n, len(p))
		}
		if len(p) > 0 {
			if m := simple(p); m > 0 && err == nil && m != n && p[0] != '*' {
				t.Fatalf("%q: simple says %d, scan %d", p, m, n)
			}
		}
		inPieces(t, p, n, err, int(step%16)+1)
		thrownAway(t, p, n, err, int(step%16)+1)
	})
}

// inPieces gives p bit by bit; the end must be where it was.
func inPieces(t *testing.T, p []byte, n int, err error, step int) {
	var s scanner
	for have := step; ; have += step {
		have = min(have, len(p))
		m, _, serr := s.scan(p[:have])
		if serr != nil {
			if err == nil && n > 0 {
				t.Fatalf("%q: in pieces %v", p, serr)
			}
			return
		}
		if m > 0 {
			if m != n {
				t.Fatalf("%q: ends at %d, in pieces at %d, %v", p, n, m, err)
			}
			return
		}
		if have == len(p) {
			if n > 0 {
				t.Fatalf("%q: ends at %d, in pieces nowhere", p, n)
			}
			return
		}
	}
}

// thrownAway discards p as it comes; the end must be where it was.
func thrownAway(t *testing.T, p []byte, n int, err error, step int) {
	if err != nil || n == 0 {
		return
	}
	var s scanner
	gone := 0
	for have := step; ; have += step {
		have = min(have, len(p))
		done, end, derr := s.discard(p[gone:have])
		if derr != nil {
			t.Fatalf("%q: discard %v", p, derr)
		}
		gone += done
		if end {
			if gone != n {
				t.Fatalf("%q: ends at %d, discarded to %d", p, n, gone)
			}
			return
		}
		if have == len(p) {
			t.Fatalf("%q: ends at %d, discarded for ever", p, n)
		}
	}
}
