package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// redis is a stream with a consumer group, appendfsync always.
type redis struct{ addr string }

func (*redis) name() string { return "redis" }

func (r *redis) start(ctx context.Context, dir string) (stop func(), err error) {
	if r.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(r.addr)
	return run(ctx, dir, r.addr, nil, "redis-server", "--bind", host, "--port", port, "--dir", dir,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "")
}

func (r *redis) fresh() error {
	s, err := r.dial()
	if err != nil {
		return err
	}
	defer s.close()
	_, err = s.(*redisSession).do(1, resp("DEL", "s"))
	return err
}

func (r *redis) dial() (session, error) {
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		return nil, err
	}
	s := &redisSession{c: c, r: bufio.NewReaderSize(c, 256<<10)}
	if _, err := s.do(1, resp("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")); err != nil && !strings.Contains(err.Error(), "BUSYGROUP") {
		return nil, err
	}
	return s, nil
}

type redisSession struct {
	c net.Conn
	r *bufio.Reader
}

func (s *redisSession) close() { _ = s.c.Close() }

func resp(words ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b
}

// do sends commands and returns the texts of the last answer.
func (s *redisSession) do(answers int, commands []byte) (texts []string, err error) {
	if _, err := s.c.Write(commands); err != nil {
		return nil, err
	}
	for range answers {
		texts = texts[:0]
		if err := s.answer(&texts); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func (s *redisSession) answer(texts *[]string) error {
	line, err := s.r.ReadString('\n')
	if err != nil {
		return err
	}
	line = strings.TrimSpace(line)
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '-':
		return fmt.Errorf("redis answers %s", line)
	case '$':
		if n < 0 {
			return nil
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(s.r, b)
		*texts = append(*texts, string(b[:n]))
		return err
	case '*':
		for range max(n, 0) {
			if err := s.answer(texts); err != nil {
				return err
			}
		}
	}
	return nil
}

var redisPut = resp("XADD", "s", "*", "b", string(body))

func (s *redisSession) put() error {
	_, err := s.do(1, redisPut)
	return err
}

func (s *redisSession) stream(window int, more func() bool, acked func(int, time.Time)) error {
	commands := bytes.Repeat(redisPut, window)
	return bursts(window, more, acked, func(n int) error {
		_, err := s.do(n, commands)
		return err
	})
}

func (s *redisSession) take(most int) (int, error) {
	texts, err := s.do(1, resp("XREADGROUP", "GROUP", "g", "c", "COUNT", strconv.Itoa(most), "BLOCK", "100", "STREAMS", "s", ">"))
	if err != nil || len(texts) == 0 {
		return 0, err
	}
	ack, del := []string{"XACK", "s", "g"}, []string{"XDEL", "s"}
	for i := 1; i+2 < len(texts); i += 3 { // the stream's name, then id, field, body
		ack, del = append(ack, texts[i]), append(del, texts[i])
	}
	_, err = s.do(2, append(resp(ack...), resp(del...)...))
	return len(del) - 2, err
}
