package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// beanstalkd syncs every put: -f 0.
type beanstalkd struct{ addr string }

func (*beanstalkd) name() string { return "beanstalkd" }

func (b *beanstalkd) start(ctx context.Context, dir string) (stop func(), err error) {
	if b.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(b.addr)
	return run(ctx, dir, b.addr, nil, "beanstalkd", "-l", host, "-p", port, "-b", dir, "-f", "0")
}

func (b *beanstalkd) dial() (session, error) {
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		return nil, err
	}
	return &beanstalkSession{c: c, r: bufio.NewReader(c)}, nil
}

type beanstalkSession struct {
	c net.Conn
	r *bufio.Reader
}

func (s *beanstalkSession) close() { _ = s.c.Close() }

// say sends text and reads so many lines, each of which begins with want.
func (s *beanstalkSession) say(text string, lines int, want string) error {
	if _, err := io.WriteString(s.c, text); err != nil {
		return err
	}
	for range lines {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, want) {
			return fmt.Errorf("beanstalkd answers %q", line)
		}
	}
	return nil
}

var beanstalkPut = fmt.Sprintf("put 10 0 60 %d\r\n%s\r\n", len(body), body)

func (s *beanstalkSession) put() error { return s.say(beanstalkPut, 1, "INSERTED") }

func (s *beanstalkSession) stream(window int, more func() bool, acked func(int, time.Time)) error {
	text := strings.Repeat(beanstalkPut, window)
	return bursts(window, more, acked, func(n int) error { return s.say(text, n, "INSERTED") })
}

func (s *beanstalkSession) take(most int) (int, error) {
	most = min(most, 64) // a reserve without items would wait
	if _, err := io.WriteString(s.c, strings.Repeat("reserve-with-timeout 0\r\n", most)); err != nil {
		return 0, err
	}
	var deletes strings.Builder
	n := 0
	for range most {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		var id, size int
		if _, err := fmt.Sscanf(line, "RESERVED %d %d", &id, &size); err != nil {
			continue // TIMED_OUT
		}
		if _, err := s.r.Discard(size + 2); err != nil {
			return 0, err
		}
		fmt.Fprintf(&deletes, "delete %d\r\n", id)
		n++
	}
	return n, s.say(deletes.String(), n, "DELETED")
}
