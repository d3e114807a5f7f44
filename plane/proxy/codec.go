package proxy

import (
	"context"
	"log/slog"

	"nagi.dev/plane/config"
	"nagi.dev/plane/loop"
	"nagi.dev/plane/meter"
)

// A Codec makes the Service of a new listener. It opens nothing yet.
type Codec func(Env) Service

// An Env is what a Service lives in.
type Env struct {
	Loop     *loop.Loop
	Log      *slog.Logger
	Listener string // its name, for logs and figures
}

// A Service serves one listener. All calls come on the loop.
type Service interface {
	// Prepare checks and builds what a document asks for, the first or a later
	// one, and changes nothing that runs. commit puts it in force and cannot
	// fail; without it, what was built is forgotten. Connections that are open
	// go over to the new state: an ambassador's clients never end by themselves.
	Prepare(l *config.Listener, pools map[string]*config.Pool) (commit func(), err error)

	// Accept returns the handler of a connection. Its Open comes next. A
	// codec that works on a goroutine takes the connection with Detach in Open.
	Accept(c *loop.Conn) loop.Handler

	// Collect adds the figures of this listener.
	Collect(g *meter.Gather)

	// Close says that no further connection comes: the listener is gone.
	// Those that are open go on until they end.
	Close()
}

// A refuser is a Service that says so to a connection above MaxConnections.
type refuser interface {
	Refusal() string
}

// A limb is a Service with more to show at the local endpoint, below
// /NAME?listener=LISTENER: the differences that a tee has seen.
type limb interface {
	Show(name string) any
}

// An ender is a Service with connections that left the loop. End asks them to
// end well and returns when they have, or when ctx ends.
type ender interface {
	End(ctx context.Context)
}
