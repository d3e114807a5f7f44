package web

import (
	"net"
	"net/netip"

	"nagi.dev/plane/config"
)

type store struct{}

type far struct{ s *Service }

func newFar(s *Service) *far                                  { return &far{s} }
func (f *far) close()                                         {}
func (f *far) changed(s *site, pools map[string]*config.Pool) {}
func (f *far) take(nc net.Conn, _ netip.Addr)                 { nc.Close() }
func (r *route) inheritFar(o *route)                          {}
