package loop

// A Handler is told what happens on one connection, always on the loop's
// thread, and must not block. It may close any connection from any call.
//
//	Open → (Data | Drained)* → [EOF] → (Drained)* → Closed
//
// A connection that could not be dialled gets nothing but Closed.
type Handler interface {
	// Open says that the connection is there.
	Open(c *Conn)

	// Data gets bytes in order and returns how many of them are done with. The
	// rest is kept and stands in front of what comes next. p and everything in
	// it is valid until Data returns.
	Data(c *Conn, p []byte) (done int)

	// EOF says that the peer sends no more; it may still read. Most handlers
	// call Close or Finish.
	EOF(c *Conn)

	// Drained says that the kernel has taken all that was written, after Full
	// said that too much waits.
	Drained(c *Conn)

	// Closed is the last call, and there is exactly one. err is nil when this
	// side closed without one.
	Closed(c *Conn, err error)
}

// A Drainer is a Handler that knows how to end well: it ends what it has begun,
// takes nothing new and closes. Without it the loop calls Finish.
type Drainer interface {
	Drain(c *Conn)
}
