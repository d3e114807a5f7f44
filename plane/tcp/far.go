package tcp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"time"

	"nagi.dev/plane/balance"
	"nagi.dev/plane/proxyproto"
)

// leave takes the connection from the loop: goroutines carry what is encrypted
// on one side.
func (c *client) leave(ch choice) {
	c.s.l.Post(func() {
		if c.c.Closed() {
			ch.pool.Done(ch.ep, balance.Neutral, 0, time.Now())
			return
		}
		nc, err := c.c.Detach()
		if err != nil {
			ch.pool.Done(ch.ep, balance.Neutral, 0, time.Now())
			c.c.Close(err)
			return
		}
		c.timer.Stop()
		go c.far(nc, ch)
	})
}

// far connects, again if need be, and carries until both sides have ended.
func (c *client) far(nc net.Conn, ch choice) {
	defer nc.Close()
	if c.r.certs != nil {
		tc := tls.Server(nc, c.r.certs.Config())
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := tc.HandshakeContext(ctx)
		cancel()
		if err != nil {
			ch.pool.Done(ch.ep, balance.Neutral, 0, time.Now())
			return
		}
		nc = tc
	}
	for {
		began := time.Now()
		up, err := ch.dial(nc)
		if err == nil {
			c.join(nc, up)
			ch.pool.Done(ch.ep, balance.Good, time.Since(began), time.Now())
			return
		}
		ch.pool.Done(ch.ep, balance.Failed, time.Since(began), time.Now())
		c.tried = append(c.tried, ch.ep)
		if len(c.tried) >= c.r.attempts {
			break
		}
		if ch, err = c.r.choose(c.peer, c.tried); err != nil {
			break
		}
	}
	c.s.failed.Add(1)
}

func (ch choice) dial(client net.Conn) (net.Conn, error) {
	timeout, version := ch.pool.Dialing()
	network, address := "tcp", ch.ep.Address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	c, err := net.DialTimeout(network, address, timeout)
	if err != nil {
		return nil, err
	}
	if version > 0 {
		from, _ := client.RemoteAddr().(*net.TCPAddr)
		to, _ := client.LocalAddr().(*net.TCPAddr)
		if from != nil && to != nil {
			_, err = c.Write(proxyproto.Append(nil, version, from.AddrPort(), to.AddrPort()))
		}
	}
	if err == nil && ch.origin != nil {
		conf := ch.origin.Clone()
		if conf.ServerName == "" {
			conf.ServerName, _, _ = net.SplitHostPort(address)
		}
		tc := tls.Client(c, conf)
		ctx, cancel := context.WithTimeout(context.Background(), timeout+2*time.Second)
		err = tc.HandshakeContext(ctx)
		cancel()
		if err == nil {
			return tc, nil
		}
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// join carries both ways.
func (c *client) join(a, b net.Conn) {
	defer b.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.half(b, a)
	}()
	c.half(a, b)
	<-done
}

func (c *client) half(to, from net.Conn) {
	_, err := io.Copy(idler{to, from, c.r.idle}, from)
	if w, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		_ = w.CloseWrite()
		return
	}
	_ = to.Close()
	_ = from.Close()
}

// An idler puts off the end of both sides with every write.
type idler struct {
	net.Conn
	from net.Conn
	idle time.Duration
}

func (i idler) Write(p []byte) (int, error) {
	at := time.Now().Add(i.idle)
	_, _ = i.from.SetDeadline(at), i.Conn.SetDeadline(at)
	return i.Conn.Write(p)
}
