package e2e

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"nagi.dev/test/lab"
)

// TestRegistry builds on, and runs, images of a registry that wants a
// password: by its own name, and as the mirror of another.
func TestRegistry(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.New(t), "pulls", lab.Options{})
	serveRegistry(t, s, "team/base:1", "nowhere/base:3")
	if err := s.WriteFile("/etc/nagi/registries.yaml", []byte(`registries:
  docker.io: {mirrors: ["http://127.0.0.1:5000"]}
  127.0.0.1:5000: {insecure: true, username: team, password: hush}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.up(t)
	for _, base := range []string{"127.0.0.1:5000/team/base:1", "nowhere/base:3"} {
		dir := s.folder(t, "on", "-- Dockerfile --\nFROM "+base+"\nRUN echo by "+base+" > /made\nCMD [\"cat\", \"/made\"]\n")
		s.Run(t, s.nagi, "image", "build", dir)
		if got := s.printed(t, "on"); !strings.Contains(got, base) {
			t.Errorf("the image on %s prints %q", base, got)
		}
	}
	out := s.ran(t, "--image=127.0.0.1:5000/team/base:1", "--command", "--", "echo", "pulled by a pod")
	if !strings.Contains(out, "pulled by a pod") {
		t.Errorf("the pod prints %q", out)
	}

	if err := s.WriteFile("/etc/nagi/registries.yaml", []byte("registries: {a.test: {mirror: x}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := s.Try(t.Context(), s.nagi, "image", "build", s.folder(t, "on", "")); code != 1 || !strings.Contains(out, `registries.yaml: `) {
		t.Errorf("a faulty file: exit code %d; want 1 and the file's name in:\n%s", code, out)
	}
}

// serveRegistry serves busybox under names, at 127.0.0.1:5000 of the machine,
// to whoever knows the password.
func serveRegistry(t *testing.T, s site, names ...string) {
	t.Helper()
	l, err := s.Listen("tcp", "127.0.0.1:5000")
	if err != nil {
		t.Fatal(err)
	}
	open := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "team" || password != "hush" {
			w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		open.ServeHTTP(w, r)
	})}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { _ = srv.Close() })
	from, err := name.NewTag("docker.io/library/busybox:latest")
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(archive(t, "busybox"), &from)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		to, err := name.ParseReference("127.0.0.1:5000/"+n, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		err = remote.Write(to, img, remote.WithAuth(&authn.Basic{Username: "team", Password: "hush"}),
			remote.WithTransport(&http.Transport{DialContext: s.DialContext}))
		if err != nil {
			t.Fatal(err)
		}
	}
}
