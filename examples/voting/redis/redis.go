// Package redis speaks as much of Redis's protocol as the voting application
// needs: commands of words, replies of one value. It never pools and never
// pipelines. Open Do first.
package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrNil is the reply of a command that found nothing.
var ErrNil = errors.New("nothing there")

// A Client keeps one connection and makes it anew when it broke.
type Client struct {
	Addr string // host and port

	mu   sync.Mutex // guards the connection: one command at a time
	conn net.Conn
	r    *bufio.Reader
}

// Do sends a command and returns its reply. After an error nobody knows whether
// Redis carried the command out.
func (c *Client) Do(ctx context.Context, words ...string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reply, err := c.once(ctx, words)
	if err != nil && !errors.Is(err, ErrNil) {
		return "", fmt.Errorf("redis %s: %w", words[0], err)
	}
	return reply, err
}

// once drops the connection after any error but one that Redis itself sends.
func (c *Client) once(ctx context.Context, words []string) (string, error) {
	if c.conn == nil {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", c.Addr)
		if err != nil {
			return "", err
		}
		c.conn, c.r = conn, bufio.NewReader(conn)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(10 * time.Second)
	}
	c.conn.SetDeadline(deadline)
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	_, err := io.WriteString(c.conn, b.String())
	var reply string
	if err == nil {
		reply, err = c.read()
	}
	if _, said := errors.AsType[serverError](err); err != nil && !said && !errors.Is(err, ErrNil) {
		c.conn.Close()
		c.conn = nil
	}
	return reply, err
}

type serverError string

func (e serverError) Error() string { return string(e) }

func (c *Client) read() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("an empty reply")
	}
	switch kind, rest := line[0], line[1:]; kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", serverError(rest)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil {
			return "", err
		}
		if n < 0 {
			return "", ErrNil
		}
		data := make([]byte, n+2)
		_, err = io.ReadFull(c.r, data)
		return string(data[:n]), err
	case '*':
		return "", ErrNil // "*-1": a blocking command that waited in vain
	}
	return "", fmt.Errorf("a reply that starts with %q", line[0])
}
