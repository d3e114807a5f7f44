package web

import "sync/atomic"

// A counter only grows. Any goroutine may use it.
type counter struct{ n atomic.Uint64 }

func (c *counter) add()        { c.n.Add(1) }
func (c *counter) get() uint64 { return c.n.Load() }
