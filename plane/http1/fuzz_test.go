package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
)

// FuzzRequest lets net/http read what we pass on: it must understand it, and
// find the same body in it.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /x?y HTTP/1.1\r\nHost: a:80\r\nContent-Length: 3\r\nConnection: a, close\r\nA: b\r\n\r\nabc",
		"POST http://b/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n",
		"OPTIONS * HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	c := Client{Address: []byte("1.2.3.4"), Proto: []byte("http")}
	f.Fuzz(func(t *testing.T, in []byte) {
		var h Head
		if h.Request(in) != nil {
			return
		}
		out := h.AppendRequest(nil, in, &c, &Edit{})
		body, whole := bodyOf(&h, in[h.Size:])
		if !whole {
			return
		}
		out = append(out, in[h.Size:h.Size+body.raw]...)
		const next = "GET /next HTTP/1.1\r\nHost: next\r\n\r\n"
		r := bufio.NewReader(strings.NewReader(string(out) + next))
		req, err := http.ReadRequest(r)
		if err != nil {
			if refusedByTaste(&h) {
				return
			}
			t.Fatalf("net/http: %v\nin  %q\nout %q", err, in, out)
		}
		got, err := io.ReadAll(req.Body)
		if err != nil || !bytes.Equal(got, body.payload) {
			t.Fatalf("net/http reads the body %q (%v), we %q\nin %q", got, err, body.payload, in)
		}
		if req.Host != string(h.Host) {
			t.Fatalf("net/http reads the host %q, we %q\nin %q", req.Host, h.Host, in)
		}
		if after, err := http.ReadRequest(r); err != nil || after.URL.Path != "/next" {
			t.Fatalf("net/http does not find the next request: %v\nin %q", err, in)
		}
	})
}

// refusedByTaste reports what net/http refuses without doubt about framing:
// targets and hosts that net/url does not like.
func refusedByTaste(h *Head) bool {
	if string(h.Target) == "*" || len(h.Target) == 0 || h.Target[0] == '?' {
		return true
	}
	_, err := http.NewRequest("GET", "http://"+string(h.Host)+string(h.Target), nil)
	return err != nil || bytes.HasPrefix(h.Target, []byte("//"))
}

type readBody struct {
	payload []byte
	raw     int
}

func bodyOf(h *Head, rest []byte) (b readBody, whole bool) {
	if h.Length >= 0 {
		if int64(len(rest)) < h.Length {
			return b, false
		}
		return readBody{rest[:h.Length], int(h.Length)}, true
	}
	var c Chunks
	for b.raw < len(rest) && !c.Done() {
		n, data, fault := c.Next(rest[b.raw:])
		if fault != nil {
			return b, false
		}
		b.raw += n
		b.payload = append(b.payload, data...)
	}
	return b, c.Done()
}

// FuzzResponse does the same for answers.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.0 204 No\r\nConnection: x\r\nX: 1\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var h Head
		if h.Response(in, false) != nil || h.Length == UntilClose || h.Status < 200 {
			return
		}
		body, whole := bodyOf(&h, in[h.Size:])
		if !whole {
			return
		}
		out := h.AppendResponse(nil, in, &Edit{}, Lives, false)
		out = append(out, in[h.Size:h.Size+body.raw]...)
		r := bufio.NewReader(strings.NewReader(string(out) + "HTTP/1.1 299 Next\r\n\r\n"))
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("net/http: %v\nin  %q\nout %q", err, in, out)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Equal(got, body.payload) {
			t.Fatalf("net/http reads the body %q (%v), we %q\nin %q", got, err, body.payload, in)
		}
		after, err := http.ReadResponse(r, nil)
		if err != nil || after.StatusCode != 299 {
			t.Fatalf("net/http does not find the next response: %v\nin %q", err, in)
		}
		after.Body.Close()
	})
}

// FuzzChunks compares with net/http's reader, and pieces with the whole.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"), 2)
	f.Add([]byte("3;x=\"y\"\r\nabc\r\n0\r\nT: u\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		size = min(max(size, 1), len(in)+1)
		whole, rest, fault := through(new(Chunks), string(in), len(in)+1)
		pieces, restOfPieces, faultOfPieces := through(new(Chunks), string(in), size)
		if fault != faultOfPieces || fault == nil && (whole != pieces || rest != restOfPieces) {
			t.Fatalf("whole %q %v, in pieces %q %v", whole, fault, pieces, faultOfPieces)
		}
		var c Chunks
		if _, _, fault := through(&c, string(in), len(in)+1); fault != nil || !c.Done() {
			return
		}
		got, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(in)))
		if err != nil && strings.Contains(err.Error(), "too much overhead") {
			return
		}
		if err != nil || string(got) != whole {
			t.Fatalf("net/http reads %q (%v), we %q", got, err, whole)
		}
	})
}
