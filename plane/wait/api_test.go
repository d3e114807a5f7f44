package wait

import (
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeAPI answers lists and watches of one namespace as the API server does:
// a watch stays open until something changes.
type fakeAPI struct {
	*httptest.Server
	t       *testing.T
	account string

	mu      sync.Mutex // guards what follows
	items   map[string][]any
	version map[string]int // of each kind, grows with each change
	token   string
	changed chan struct{} // closed by the next change
	asked   []string      // path and query of each request
	down    int           // so many requests are answered with 503
}

func startAPI(t *testing.T, listen string) *fakeAPI {
	f := &fakeAPI{t: t, account: t.TempDir(), items: map[string][]any{}, version: map[string]int{}, changed: make(chan struct{})}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(f.answer))
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	f.Listener.Close()
	f.Listener = l
	f.StartTLS()
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	f.write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})))
	f.write("namespace", "vote\n")
	f.setToken("first")
	return f
}

func (f *fakeAPI) write(name, text string) {
	if err := os.WriteFile(filepath.Join(f.account, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// setToken renews the token in the folder; from now on no other is accepted.
func (f *fakeAPI) setToken(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.token = token
	f.write("token", token)
}

// set replaces all objects of a kind and ends every watch with an event.
func (f *fakeAPI) set(kind string, items ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items[kind] = nil
	for _, text := range items {
		f.items[kind] = append(f.items[kind], json.RawMessage(text))
	}
	f.version[kind]++
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeAPI) answer(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	items, version, changed, token := f.items[kindOf(r)], strconv.Itoa(f.version[kindOf(r)]), f.changed, f.token
	f.asked = append(f.asked, r.URL.Path+"?"+r.URL.Query().Get("fieldSelector")+r.URL.Query().Get("labelSelector"))
	refuse := f.down > 0
	f.down = max(0, f.down-1)
	f.mu.Unlock()
	switch {
	case refuse:
		http.Error(w, `{"message":"starting"}`, http.StatusServiceUnavailable)
	case r.Header.Get("Authorization") != "Bearer "+token:
		http.Error(w, `{"message":"Unauthorized"}`, http.StatusUnauthorized)
	case r.URL.Query().Get("watch") == "":
		json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]string{"resourceVersion": version}, "items": items})
	case r.URL.Query().Get("resourceVersion") != version: // it changed since the list
		json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": map[string]any{}})
	default:
		w.(http.Flusher).Flush()
		select {
		case <-changed:
			json.NewEncoder(w).Encode(map[string]any{"type": "MODIFIED", "object": map[string]any{}})
		case <-r.Context().Done():
		}
	}
}

func kindOf(r *http.Request) string { return r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:] }
