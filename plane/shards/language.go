package shards

import "time"

// A Language is what a pool must know of a protocol.
type Language interface {
	// Login is what a connection of a version (0 or 1) begins with; each of its
	// messages has one reply.
	Login(l Login, version uint8) [][]byte

	// Ping asks whether a shard lives.
	Ping() []byte

	// Refused returns the error that a reply to either is; nil: it is none.
	Refused(reply []byte) error

	// Push says whether a message is no reply and may come at any time.
	Push(message []byte) bool

	// Scanner makes what finds the ends of replies on one connection.
	Scanner() Scanner
}

// A Login is who a pool is to its shards.
type Login struct {
	Username, Password string
	Database           int
}

// A Scanner finds the ends of replies, of which bytes come in pieces.
type Scanner interface {
	// Scan goes on in p, which begins where the reply does. n is its length; 0
	// while bytes are missing, of which need must be there before it goes on.
	Scan(p []byte) (n, need int, err error)

	// Discard goes on like Scan, but keeps nothing: done bytes are finished
	// with; end says that the reply ends there.
	Discard(p []byte) (done int, end bool, err error)
}

// A Ref says who waits for a reply.
type Ref struct {
	To      Taker
	At      time.Duration // when the request was sent, by the loop's clock; Send sets it
	Seq     uint32        // these four are the Taker's own
	Part    uint16
	Kind    uint8
	Class   uint8
	Patient bool // the reply may take for ever
	role    role
}

// A Taker waits for replies. Exactly one of its methods is called for each Ref.
type Taker interface {
	Take(r Ref, reply []byte) // reply is valid until Take returns
	Fail(r Ref, err error)
}

// An Owner has a connection for itself.
type Owner interface {
	// Message is called for what comes while the connection is in subscriber mode.
	Message(b *Backend, p []byte)

	// Bereft says that the connection is lost. Who waited on it has been told.
	Bereft(b *Backend, err error)
}

// A role is what is done with a reply that no Taker gets.
type role uint8

const (
	taken  role = iota
	silent      // must be no error; nobody sees it
	login       // of a Login: an error ends the connection
	ping
)
