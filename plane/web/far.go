package web

import (
	"net"
	"net/netip"
)

type store struct{}

type far struct{ s *server }

func newFar(s *server) *far                   { return &far{s} }
func (f *far) close()                         {}
func (f *far) take(nc net.Conn, _ netip.Addr) { nc.Close(); f.s.conns.Add(-1) }
func (r *route) inheritFar(o *route)          {}
