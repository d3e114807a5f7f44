package web

import (
	"net/netip"
	"sync/atomic"
	"time"

	"nagi.dev/plane/loop"
)

// nower is who knows the time.
type nower interface{ now() time.Time }

// A server is one listener across all documents that name it.
type server struct {
	e     *Engine
	name  string
	site  atomic.Pointer[site]
	conns atomic.Int64
	far   *far
}

func newServer(e *Engine, name string) *server {
	s := &server{e: e, name: name}
	s.far = newFar(s)
	return s
}

// accept takes one connection, or refuses it above the bound.
func (s *server) accept(*loop.Conn) loop.Handler {
	if limit := s.site.Load().spec.MaxConnections; limit > 0 && s.conns.Load() >= int64(limit) {
		return nil
	}
	s.conns.Add(1)
	return &client{s: s}
}

func (s *server) close() { s.far.close() }

// proto is what the client speaks below HTTP.
func (s *server) proto() string {
	if s.site.Load().spec.TLS != nil {
		return "https"
	}
	return "http"
}

func addrOf(c *loop.Conn) netip.Addr { return c.Peer().Addr().Unmap() }
