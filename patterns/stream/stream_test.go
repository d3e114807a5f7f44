package stream

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nagi.dev/plane/config"
)

var shop = Key{Namespace: "shop", Kind: "ambassador", Name: "cache"}

func doc(pool string) *config.Config {
	return &config.Config{
		Listeners: []config.Listener{{Name: "l", Address: "127.0.0.1:1", Protocol: config.TCP, Routes: []config.Route{{Arms: []config.Arm{{Pool: pool}}}}}},
		Pools:     []config.Pool{{Name: pool}},
	}
}

// newHub knows the tokens "shop" and "other" of those namespaces; "down" is
// one that the API server cannot be asked about.
func newHub(t *testing.T, o Options) (*Hub, string) {
	t.Helper()
	o.Review = func(_ context.Context, token string) (string, string, error) {
		switch token {
		case "shop", "other":
			return token, "pod-1", nil
		case "down":
			return "", "", errors.New("connection refused")
		}
		return "", "", ErrToken
	}
	h, mux := New(o), http.NewServeMux()
	h.Handle(mux)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return h, s.URL
}

func open(t *testing.T, url, token string) (status int, body io.ReadCloser) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Body.Close() })
	return a.StatusCode, a.Body
}

func TestWhoMayRead(t *testing.T) {
	_, url := newHub(t, Options{})
	for _, tt := range []struct {
		name, token string
		want        int
	}{
		{"a plane of the namespace", "shop", http.StatusOK},
		{"a plane of another namespace", "other", http.StatusForbidden},
		{"somebody else", "x", http.StatusUnauthorized},
		{"nobody can tell while the API server is away", "down", http.StatusServiceUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, _ := open(t, url+shop.Path(), tt.token); status != tt.want {
				t.Errorf("answer = %d, want %d", status, tt.want)
			}
		})
	}
}

func TestAPlaneGetsEachDocumentOnceAndHeartbeats(t *testing.T) {
	h, url := newHub(t, Options{Heartbeat: 20 * time.Millisecond})
	_, body := open(t, url+shop.Path(), "shop")
	lines := bufio.NewScanner(body)
	next := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("the stream ended")
		}
		return lines.Text()
	}
	documentOf := func() (c config.Config) {
		t.Helper()
		for {
			if l := next(); !strings.HasPrefix(l, "#") {
				if err := json.Unmarshal([]byte(l), &c); err != nil {
					t.Fatal(err)
				}
				return c
			}
		}
	}
	if l := next(); l != "# alive" {
		t.Errorf("before there is a document: %q", l)
	}
	version, err := h.Publish(shop, doc("a"))
	if err != nil {
		t.Fatal(err)
	}
	if c := documentOf(); c.Version != version || c.Pools[0].Name != "a" {
		t.Errorf("document = %+v", c)
	}
	if again, _ := h.Publish(shop, doc("a")); again != version {
		t.Errorf("the same document has version %s, then %s", version, again)
	}
	if _, err := h.Publish(shop, doc("b")); err != nil {
		t.Fatal(err)
	}
	if c := documentOf(); c.Pools[0].Name != "b" {
		t.Errorf("the next document = %+v", c)
	}
	if all, current := h.Planes(shop); all != 1 || current != 1 {
		t.Errorf("planes = %d, %d", all, current)
	}
	bad := doc("c")
	bad.Pools = nil
	if _, err := h.Publish(shop, bad); err == nil {
		t.Error("a document that no plane takes was published")
	}
}

func TestStreamsAreBounded(t *testing.T) {
	h, url := newHub(t, Options{MostOf: 1})
	status, first := open(t, url+shop.Path(), "shop")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if status, _ := open(t, url+shop.Path(), "shop"); status != http.StatusServiceUnavailable {
		t.Errorf("a second stream of a namespace that may have one: %d", status)
	}
	first.Close()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if n, _ := h.Planes(shop); n == 0 || time.Now().After(deadline) {
			break
		}
	}
	if status, _ := open(t, url+shop.Path(), "shop"); status != http.StatusOK {
		t.Errorf("room that is free again is not given: %d", status)
	}
}
