package http1

// A Fault is why a message is refused, with the status that a client gets for
// it. A response with a fault is answered 502 whatever its status says.
type Fault struct {
	Status int
	Reason string
}

func (f *Fault) Error() string { return f.Reason }

// The faults of heads and bodies. They are compared by identity.
var (
	ErrIncomplete = &Fault{0, "the head is not complete"} // not a fault: more bytes are needed

	ErrPreface       = &Fault{0, "the client speaks HTTP/2"} // the connection preface of RFC 9113
	ErrHeadSize      = &Fault{431, "the head is too large"}
	ErrFieldCount    = &Fault{431, "the head has too many fields"}
	ErrLineEnd       = &Fault{400, "a line does not end with CR LF"}
	ErrRequestLine   = &Fault{400, "the request line is malformed"}
	ErrStatusLine    = &Fault{400, "the status line is malformed"}
	ErrVersion       = &Fault{505, "the version of HTTP is not 1.0 or 1.1"}
	ErrTarget        = &Fault{400, "the request target is malformed"}
	ErrConnect       = &Fault{501, "CONNECT is not served"}
	ErrFold          = &Fault{400, "a field line is folded"}
	ErrFieldName     = &Fault{400, "a field name is malformed"}
	ErrFieldValue    = &Fault{400, "a field value holds a control character"}
	ErrHost          = &Fault{400, "there must be one well-formed Host"}
	ErrLength        = &Fault{400, "Content-Length is malformed or repeated"}
	ErrLengthAndCode = &Fault{400, "Content-Length and Transfer-Encoding contradict each other"}
	ErrCoding        = &Fault{501, "only the transfer coding chunked is served"}
	ErrOldCoding     = &Fault{400, "HTTP/1.0 has no Transfer-Encoding"}
	ErrBodyless      = &Fault{400, "a message that cannot have a body is chunked"}
	ErrChunk         = &Fault{400, "a chunk is malformed"}
	ErrTrailer       = &Fault{400, "a trailer is malformed or not allowed"}
)
