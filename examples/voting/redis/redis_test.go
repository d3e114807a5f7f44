package redis

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// script answers one command a connection with the bytes given, in order, and
// then hangs up.
func script(t *testing.T, replies ...string) *Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for _, r := range replies {
			c, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(c)
			for range 5 { // "*2", then length and text of each of two words
				in.ReadString('\n')
			}
			io.WriteString(c, r)
			c.Close()
		}
	}()
	return &Client{Addr: l.Addr().String()}
}

func TestDo(t *testing.T) {
	for _, tt := range []struct {
		name, reply, want, fault string
	}{
		{"a status", "+OK\r\n", "OK", ""},
		{"a number", ":42\r\n", "42", ""},
		{"a text may have line ends", "$6\r\nab\r\ncd\r\n", "ab\r\ncd", ""},
		{"an empty text", "$0\r\n\r\n", "", ""},
		{"nothing there", "$-1\r\n", "", ErrNil.Error()},
		{"waited in vain", "*-1\r\n", "", ErrNil.Error()},
		{"an error of Redis", "-ERR no\r\n", "", "redis GET: ERR no"},
		{"a reply that breaks off", "$6\r\nab", "", "redis GET: unexpected EOF"},
		{"no reply", "", "", "redis GET: EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := script(t, tt.reply).Do(t.Context(), "GET", "x")
			if got != tt.want || tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("Do = %q, %v; want %q, %q", got, err, tt.want, tt.fault)
			}
		})
	}
}

func TestDoConnectsAnewAfterAnError(t *testing.T) {
	c := script(t, "", "+OK\r\n")
	if _, err := c.Do(t.Context(), "GET", "x"); err == nil {
		t.Fatal("no error although the server hung up")
	}
	if got, err := c.Do(t.Context(), "GET", "x"); got != "OK" || err != nil {
		t.Errorf("Do = %q, %v", got, err)
	}
}

func TestDoGivesUpWhenNobodyAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	c := &Client{Addr: l.Addr().String()}
	if _, err := c.Do(ctx, "GET", "x"); err == nil || errors.Is(err, ErrNil) {
		t.Errorf("Do = %v", err)
	}
}
