package http1

import (
	"strings"
	"testing"
)

func TestWhatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) {
	const ok = "GET / HTTP/1.1\r\nHost: a\r\n"
	for _, tt := range []struct {
		name, head string
		want       *Fault
	}{
		{"a plain request", ok + "\r\n", nil},
		{"one empty line before is forgiven", "\r\n" + ok + "\r\n", nil},
		{"more is to come", ok, ErrIncomplete},
		{"both ways of framing", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", ErrLengthAndCode},
		{"two lengths", ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", ErrLength},
		{"the same length twice", ok + "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", ErrLength},
		{"a list of lengths", ok + "Content-Length: 3, 3\r\n\r\n", ErrLength},
		{"a signed length", ok + "Content-Length: +3\r\n\r\n", ErrLength},
		{"a length in hex", ok + "Content-Length: 0x3\r\n\r\n", ErrLength},
		{"an empty length", ok + "Content-Length:\r\n\r\n", ErrLength},
		{"a length that overflows", ok + "Content-Length: 9999999999999999999\r\n\r\n", ErrLength},
		{"a coding before chunked", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", ErrCoding},
		{"chunked twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", ErrCoding},
		{"chunked with a parameter", ok + "Transfer-Encoding: chunked;x\r\n\r\n", ErrCoding},
		{"identity", ok + "Transfer-Encoding: identity\r\n\r\n", ErrCoding},
		{"a vertical tab in the coding", ok + "Transfer-Encoding: \x0bchunked\r\n\r\n", ErrFieldValue},
		{"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", ErrOldCoding},
		{"a bare LF", ok + "X: y\n\r\n", ErrLineEnd},
		{"a bare LF as the last line", ok + "\n", ErrLineEnd},
		{"a bare CR", ok + "X: y\rZ: 1\r\n\r\n", ErrFieldValue},
		{"a NUL", ok + "X: a\x00\r\n\r\n", ErrFieldValue},
		{"a folded line", ok + "X: y\r\n z\r\n\r\n", ErrFold},
		{"a space before the colon", ok + "Content-Length : 3\r\n\r\n", ErrFieldName},
		{"a space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", ErrFold},
		{"no name", ok + ": 3\r\n\r\n", ErrFieldName},
		{"no colon", ok + "X\r\n\r\n", ErrFieldName},
		{"no host", "GET / HTTP/1.1\r\n\r\n", ErrHost},
		{"two hosts", ok + "Host: b\r\n\r\n", ErrHost},
		{"a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", ErrHost},
		{"a host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", ErrHost},
		{"an absolute target with user information", "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n", ErrTarget},
		{"HTTP/1.0 needs no host", "GET / HTTP/1.0\r\n\r\n", nil},
		{"HTTP/0.9", "GET /\r\n", ErrRequestLine},
		{"two spaces", "GET  / HTTP/1.1\r\n", ErrTarget},
		{"a space in the target", "GET /a b HTTP/1.1\r\n", ErrTarget},
		{"a fragment", "GET /#a HTTP/1.1\r\n", ErrTarget},
		{"a relative target", "GET a HTTP/1.1\r\n", ErrTarget},
		{"a star without OPTIONS", "GET * HTTP/1.1\r\n", ErrTarget},
		{"a tunnel", "CONNECT a:1 HTTP/1.1\r\n", ErrConnect},
		{"a method that is no token", "G(T / HTTP/1.1\r\n", ErrRequestLine},
		{"HTTP/2 in words", "GET / HTTP/2.0\r\n", ErrVersion},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n", ErrVersion},
		{"lower case", "GET / http/1.1\r\n", ErrRequestLine},
		{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrPreface},
		{"too many fields", ok + strings.Repeat("a:\r\n", MaxFields) + "\r\n", ErrFieldCount},
		{"too long a line", ok + "X: " + strings.Repeat("y", MaxHead), ErrHeadSize},
		{"too long a head", ok + "X: " + strings.Repeat("y", MaxHead) + "\r\n\r\n", ErrHeadSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h Head
			if got := h.Request([]byte(tt.head)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRequestSaysHowItsBodyEnds(t *testing.T) {
	for _, tt := range []struct {
		name, fields string
		length       int64
		close        bool
	}{
		{"none", "", 0, false},
		{"a length", "Content-Length: 12\r\n", 12, false},
		{"chunks, in any case", "transfer-encoding: Chunked\r\nConnection: Close\r\n", Chunked, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h Head
			if fault := h.Request([]byte("POST /a HTTP/1.1\r\nHost: a\r\n" + tt.fields + "\r\nrest")); fault != nil {
				t.Fatal(fault)
			}
			if h.Length != tt.length || h.Close != tt.close {
				t.Errorf("got length %d, close %v", h.Length, h.Close)
			}
		})
	}
}

func TestResponseSaysHowItsBodyEnds(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		toHead     bool
		length     int64
		fault      *Fault
	}{
		{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false, 3, nil},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", false, 3, nil},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, Chunked, nil},
		{"the end of the connection", "HTTP/1.0 200 OK\r\n\r\n", false, UntilClose, nil},
		{"a HEAD has none", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, 0, nil},
		{"a HEAD answered with chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, 0, nil},
		{"304 has none", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", false, 0, nil},
		{"204 has none", "HTTP/1.1 204 No Content\r\n\r\n", false, 0, nil},
		{"204 with chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", false, 0, ErrBodyless},
		{"100 has none", "HTTP/1.1 100 Continue\r\n\r\n", false, 0, nil},
		{"both ways of framing", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", false, 0, ErrLengthAndCode},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", false, 0, ErrLength},
		{"a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", false, 0, ErrStatusLine},
		{"a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", false, 0, ErrStatusLine},
		{"no HTTP", "SSH-2.0-OpenSSH\r\n", false, 0, ErrStatusLine},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h Head
			fault := h.Response([]byte(tt.head), tt.toHead)
			if fault != tt.fault {
				t.Fatalf("got %v, want %v", fault, tt.fault)
			}
			if fault == nil && h.Length != tt.length {
				t.Errorf("got length %d, want %d", h.Length, tt.length)
			}
		})
	}
}

func TestRequestGoesOn(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		trusted  bool
		edit     Edit
		want     string
	}{
		{
			name: "what belongs to the connection stays behind",
			in:   "GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: x-mine, keep-alive\r\nX-Mine: 1\r\nA: 1\r\nKeep-Alive: 1\r\nTE: trailers\r\nB: 2\r\n\r\n",
			want: "GET /a?b HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n\r\n",
		},
		{
			name: "Connection cannot take away what frames the message",
			in:   "POST / HTTP/1.1\r\nHost: h\r\nConnection: content-length, host\r\nContent-Length: 1\r\n\r\n",
			want: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n\r\n",
		},
		{
			name: "what a client says of others is not believed",
			in:   "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\nX-Forwarded-Proto: https\r\n\r\n",
			want: "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n\r\n",
		},
		{
			name:    "what a trusted proxy says is carried on",
			trusted: true,
			in:      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\nX-Forwarded-Proto: https\r\n\r\n",
			want:    "GET / HTTP/1.1\r\nHost: h\r\nForwarded: for=1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 1.1.1.1, 9.9.9.9\r\nX-Forwarded-Host: h\r\nForwarded: for=9.9.9.9;proto=http\r\n\r\n",
		},
		{
			name: "an absolute target names the host",
			in:   "GET http://real:80?q HTTP/1.1\r\nHost: other\r\n\r\n",
			want: "GET /?q HTTP/1.1\r\nHost: real:80\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: real:80\r\n\r\n",
		},
		{
			name: "an upgrade goes through",
			in:   "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			want: "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n\r\n",
		},
		{
			name: "an Upgrade that Connection does not name stays behind",
			in:   "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n",
			want: "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n\r\n",
		},
		{
			name: "fields are taken away and added",
			edit: Edit{Drop: []string{"x-a"}, Add: []byte("X-B: 2\r\n")},
			in:   "GET / HTTP/1.0\r\nHost: h\r\nX-A: 1\r\n\r\n",
			want: "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\nX-B: 2\r\n\r\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h Head
			if fault := h.Request([]byte(tt.in)); fault != nil {
				t.Fatal(fault)
			}
			c := Client{Address: []byte("9.9.9.9"), Proto: []byte("http"), Trusted: tt.trusted}
			if got := string(h.AppendRequest(nil, []byte(tt.in), &c, &tt.edit)); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestResponseGoesOn(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		con      Connectedness
		plain    bool
		want     string
	}{
		{"what belongs to the connection stays behind", "HTTP/1.0 200 Fine\r\nConnection: close\r\nContent-Length: 1\r\n\r\n", Lives, false, "HTTP/1.1 200 Fine\r\nContent-Length: 1\r\n\r\n"},
		{"the connection ends", "HTTP/1.1 200 OK\r\n\r\n", Finishes, false, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
		{"a client of HTTP/1.0 gets no chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Finishes, true, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
		{"204 has no length", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Lives, false, "HTTP/1.1 204 No Content\r\n\r\n"},
		{"the protocol changes", "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", Upgrades, false, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h Head
			if fault := h.Response([]byte(tt.in), false); fault != nil {
				t.Fatal(fault)
			}
			if got := string(h.AppendResponse(nil, []byte(tt.in), &Edit{}, tt.con, tt.plain)); got != tt.want {
				t.Errorf("got\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	in := []byte("GET /a HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nConnection: keep-alive, close\r\n\r\n")
	var h Head
	c := Client{Address: []byte("1.2.3.4"), Proto: []byte("http")}
	out := make([]byte, 0, 1024)
	var e Edit
	if n := testing.AllocsPerRun(100, func() {
		_ = h.Request(in)
		out = h.AppendRequest(out[:0], in, &c, &e)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestEndsLooksOnlyAtWhatIsNew(t *testing.T) {
	head := "GET / HTTP/1.1\r\nA: b\r\n\r\n"
	for i := range len(head) + 1 {
		if got, want := Ends([]byte(head[:i]), max(i-1, 0)), i == len(head); got != want {
			t.Errorf("after %d bytes: %v", i, got)
		}
	}
}
