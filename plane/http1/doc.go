// Package http1 reads and writes heads and chunked bodies of HTTP/1.1 in place:
// it allocates nothing per message and copies nothing that it can point at. It
// is strict where leniency lets two readers disagree about where a message
// ends (RFC 9112, sections 2.2, 5.1, 6 and 7.1). It opens no socket and knows
// no policy. Open head.go first.
package http1
