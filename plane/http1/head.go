package http1

import "bytes"

// Bounds of a head. A chunked body's extensions and trailers have them too.
const (
	MaxHead   = 64 << 10
	MaxFields = 256
)

// A Field is one field line; the numbers are offsets into the buffer that the
// head was read from.
type Field struct {
	Kind             Kind
	start, colon     int32 // of the line, of the character after the name
	valStart, valEnd int32 // without the white space around it
	end              int32 // after CR LF
}

// Name is the field's name as it was written.
func (f *Field) Name(buf []byte) []byte { return buf[f.start:f.colon] }

// Value is the field's value without white space around it.
func (f *Field) Value(buf []byte) []byte { return buf[f.valStart:f.valEnd] }

// No body, and a body that ends with the connection, as lengths.
const (
	Chunked    = -1
	UntilClose = -2
)

// A Head is what a message's head says. It may be used again: Request and
// Response set every field.
type Head struct {
	Size   int   // bytes, with the blank line (and a blank line before a request)
	Minor  int   // of the version: 0 or 1
	Length int64 // of the body: bytes, Chunked or UntilClose

	Method []byte // of a request
	Target []byte // of a request, in origin form or "*"
	Host   []byte // of a request: of its absolute target, else of its Host field
	Status int    // of a response

	Close     bool // the connection ends after this message
	KeepAlive bool // an HTTP/1.0 message asks for the connection to live on
	Continue  bool // a request expects 100 before its body
	Upgrade   bool // Connection names upgrade and there is an Upgrade field

	Fields []Field

	absolute bool
	named    bool     // Connection names fields besides the usual
	line     [2]int32 // first line, without line end
	framed   struct{ lengths, codings, hosts int8 }
}

// Has reports whether the head has a field of kind k, and returns the first.
func (h *Head) Has(k Kind) (*Field, bool) {
	for i := range h.Fields {
		if h.Fields[i].Kind == k {
			return &h.Fields[i], true
		}
	}
	return nil, false
}

// Find returns the first field with this name, which is in lower case.
func (h *Head) Find(buf []byte, lower string) (*Field, bool) {
	for i := range h.Fields {
		if EqualFold(h.Fields[i].Name(buf), lower) {
			return &h.Fields[i], true
		}
	}
	return nil, false
}

func (h *Head) reset() {
	*h = Head{Fields: h.Fields[:0]}
}

// Ends reports whether buf holds a whole head, looking only at what came after
// the first seen bytes. It tells a reader of small pieces whether parsing is
// worth it, so that a head in n pieces costs no n².
func Ends(buf []byte, seen int) bool {
	for i := max(seen-3, 0); i < len(buf); {
		j := bytes.IndexByte(buf[i:], '\n')
		if j < 0 {
			return false
		}
		i += j + 1
		if i < len(buf) && buf[i] == '\n' || i+1 < len(buf) && buf[i] == '\r' && buf[i+1] == '\n' {
			return true
		}
	}
	return false
}

// fields reads the field lines from pos to the blank line.
func (h *Head) fields(buf []byte, pos int) *Fault {
	for {
		j := bytes.IndexByte(buf[pos:], '\n')
		if j < 0 {
			return incomplete(buf)
		}
		end := pos + j + 1
		if j == 0 || buf[end-2] != '\r' {
			return ErrLineEnd
		}
		if end > MaxHead {
			return ErrHeadSize
		}
		if j == 1 {
			h.Size = end
			return nil
		}
		if len(h.Fields) == MaxFields {
			return ErrFieldCount
		}
		f, fault := field(buf, pos, end)
		if fault != nil {
			return fault
		}
		h.Fields = append(h.Fields, f)
		if f.Kind != other {
			if fault := h.note(buf, &f); fault != nil {
				return fault
			}
		}
		pos = end
	}
}

func incomplete(buf []byte) *Fault {
	if len(buf) > MaxHead {
		return ErrHeadSize
	}
	return ErrIncomplete
}

// field reads the line buf[pos:end], which ends with CR LF.
func field(buf []byte, pos, end int) (Field, *Fault) {
	if buf[pos] == ' ' || buf[pos] == '\t' {
		return Field{}, ErrFold
	}
	colon := pos
	for isToken[buf[colon]] {
		colon++
	}
	if buf[colon] != ':' || colon == pos {
		return Field{}, ErrFieldName
	}
	from, to := colon+1, end-2
	for from < to && isBlank(buf[from]) {
		from++
	}
	for to > from && isBlank(buf[to-1]) {
		to--
	}
	if !cleanValue(buf[from:to]) {
		return Field{}, ErrFieldValue
	}
	return Field{
		Kind:  kindOf(buf[pos:colon]),
		start: int32(pos), colon: int32(colon),
		valStart: int32(from), valEnd: int32(to), end: int32(end),
	}, nil
}

// note takes in what a field says about the message itself.
func (h *Head) note(buf []byte, f *Field) *Fault {
	v := f.Value(buf)
	switch f.Kind {
	case Host:
		h.framed.hosts++
		if h.framed.hosts > 1 || !validHost(v) {
			return ErrHost
		}
		if !h.absolute {
			h.Host = v
		}
	case ContentLength:
		h.framed.lengths++
		n, ok := number(v)
		if h.framed.lengths > 1 || !ok {
			return ErrLength
		}
		h.Length = n
	case TransferEncoding:
		h.framed.codings++
		if h.framed.codings > 1 || !EqualFold(v, "chunked") {
			return ErrCoding
		}
	case Connection:
		h.connection(v)
	case Expect:
		h.Continue = EqualFold(v, "100-continue")
	}
	return nil
}

// connection reads the options of a Connection field.
func (h *Head) connection(v []byte) {
	if EqualFold(v, "keep-alive") {
		h.KeepAlive = true
		return
	}
	for option := range options(v) {
		switch {
		case EqualFold(option, "close"):
			h.Close = true
		case EqualFold(option, "keep-alive"):
			h.KeepAlive = true
		case EqualFold(option, "upgrade"):
			h.Upgrade = true
		default:
			h.named = true
		}
	}
}

// settle draws the conclusions of all fields together.
func (h *Head) settle() *Fault {
	if h.framed.codings > 0 {
		if h.Minor == 0 {
			return ErrOldCoding
		}
		if h.framed.lengths > 0 {
			return ErrLengthAndCode
		}
		h.Length = Chunked
	}
	if h.Upgrade {
		_, h.Upgrade = h.Has(Upgrade)
	}
	if h.Minor == 0 && !h.KeepAlive {
		h.Close = true
	}
	return nil
}
