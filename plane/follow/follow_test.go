package follow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nagi.dev/plane/config"
)

func line(pool string) string {
	return fmt.Sprintf(`{"version":%q,"pools":[{"name":%q,"endpoints":[]}]}`, pool, pool)
}

// A bench is a plane that follows a platform of the test.
type bench struct {
	t       *testing.T
	o       Options
	applied chan string
	refuse  string // a version that the plane does not take
}

func newBench(t *testing.T, url string) *bench {
	t.Helper()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &bench{
		t: t, applied: make(chan string, 16),
		o: Options{URL: url, Token: token, Keep: filepath.Join(dir, "kept.json"), Pause: time.Millisecond, Silence: time.Minute},
	}
}

// run follows until the test ends.
func (b *bench) run() (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error)
	go func() {
		done <- Run(ctx, b.o, func(c *config.Config) error {
			if c.Version == b.refuse {
				return errors.New("refused by the test")
			}
			b.applied <- c.Version
			return nil
		})
	}()
	return func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	}
}

func (b *bench) wants(version string) {
	b.t.Helper()
	select {
	case got := <-b.applied:
		if got != version {
			b.t.Errorf("runs %q, want %q", got, version)
		}
	case <-time.After(10 * time.Second):
		b.t.Fatalf("document %q does not come", version)
	}
}

func TestItFollowsAndStartsAgainWithoutThePlatform(t *testing.T) {
	lines := make(chan string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer secret" {
			t.Errorf("it shows %q", got)
		}
		for {
			select {
			case l, more := <-lines:
				if !more {
					return
				}
				fmt.Fprintln(w, l)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
	b := newBench(t, s.URL)
	b.refuse = "bad"
	stop := b.run()
	lines <- "# alive"
	lines <- line("one")
	b.wants("one")
	lines <- "{ no JSON"
	lines <- line("bad")
	lines <- line("two")
	b.wants("two")
	close(lines) // the platform goes, and is asked again
	stop()
	s.Close()

	again := newBench(t, s.URL)
	again.o.Keep = b.o.Keep
	stop = again.run()
	again.wants("two")
	stop()
}

func TestASilentStreamIsOpenedAgain(t *testing.T) {
	asked := make(chan bool, 64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	b := newBench(t, s.URL)
	b.o.Silence = 10 * time.Millisecond
	stop := b.run()
	for range 2 {
		select {
		case <-asked:
		case <-time.After(10 * time.Second):
			t.Fatal("it waits for a stream that says nothing")
		}
	}
	stop()
}

func TestAKeptDocumentThatIsDamagedIsLeftAlone(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, line("good")) }))
	defer s.Close()
	b := newBench(t, s.URL)
	if err := os.WriteFile(b.o.Keep, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := b.run()
	b.wants("good")
	stop()
}

func TestFaultsAreToldTogether(t *testing.T) {
	err := Run(t.Context(), Options{URL: "http://platform", CA: []byte("x")}, nil)
	for _, want := range []string{"a token goes only to https", "--token", "--keep", "no certificate"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
}
