package servicelb

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// serveTCP relays connections until the listener is closed. When the process
// is out of files it waits and goes on.
func (d *doors) serveTCP(l *net.TCPListener, t *target) {
	slots := make(chan struct{}, d.limits.conns)
	pause := 5 * time.Millisecond
	for {
		slots <- struct{}{}
		c, err := l.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			d.log.Warn("accept connection", "address", l.Addr().String(), "err", err)
			<-slots
			sleep(d.ctx, pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		d.relays.Go(func() {
			defer func() { <-slots }()
			d.relayTCP(c, t)
		})
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// relayTCP joins a client with the first endpoint that answers. A client that
// none answers sees a reset, as from a closed port.
func (d *doors) relayTCP(client *net.TCPConn, t *target) {
	defer client.Close()
	server := d.dial(t.order(client.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()))
	if server == nil {
		_ = client.SetLinger(0) // only makes the close below a reset
		return
	}
	defer server.Close()
	stop := context.AfterFunc(d.ctx, func() {
		client.Close()
		server.Close()
	})
	defer stop()
	join(client, server)
}

// dial returns a connection to the first of up to eight endpoints that
// answers, or nil.
func (d *doors) dial(ends []netip.AddrPort) *net.TCPConn {
	dialer := net.Dialer{Timeout: d.limits.dial}
	for _, a := range ends[:min(8, len(ends))] {
		c, err := dialer.DialContext(d.ctx, "tcp", a.String())
		if err == nil {
			return c.(*net.TCPConn)
		}
		d.log.Debug("reach endpoint", "endpoint", a.String(), "err", err)
	}
	return nil
}

// join copies in both directions until both have ended. An end of one side's
// data is passed on while the other still sends; a fault ends both.
func join(a, b *net.TCPConn) {
	var both sync.WaitGroup
	both.Go(func() { pipe(a, b) })
	both.Go(func() { pipe(b, a) })
	both.Wait()
}

func pipe(dst, src *net.TCPConn) {
	if _, err := io.Copy(dst, src); err != nil {
		src.Close()
		dst.Close()
		return
	}
	_ = dst.CloseWrite() // fails only where the other direction ended it all
}
