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
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"nagi.dev/test/lab"
)

// TestRegistry builds on, and runs, images of a registry that wants a
// password: by its own name, and as the mirror of another.
func TestRegistry(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.New(t), "pulls", lab.Options{})
	serveRegistry(t, s, "team/base:1", "nowhere/base:3", "nowhere/pod:3")
	if err := s.WriteFile("/etc/nagi/registries.yaml", []byte(`registries:
  docker.io: {mirrors: ["http://127.0.0.1:5000"], username: someone, password: else}
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
	out = s.ran(t, "--image=nowhere/pod:3", "--command", "--", "echo", "from a mirror with a password of its own")
	if !strings.Contains(out, "password of its own") {
		t.Errorf("the pod prints %q", out)
	}
	pullAgain(t, s)

	if err := s.WriteFile("/etc/nagi/registries.yaml", []byte("registries: {a.test: {mirror: x}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := s.Try(t.Context(), s.nagi, "image", "build", s.folder(t, "on", "")); code != 1 || !strings.Contains(out, `registries.yaml: `) {
		t.Errorf("a faulty file: exit code %d; want 1 and the file's name in:\n%s", code, out)
	}
}

// pullAgain builds on a tag that comes to mean another image: --pull alone
// finds out.
func pullAgain(t *testing.T, s site) {
	t.Helper()
	dir := s.folder(t, "again", "-- Dockerfile --\nFROM 127.0.0.1:5000/team/base:1\n")
	first := s.digest(t, dir)
	push(t, s, mutated(t), "team/base:1")
	if again := s.digest(t, dir); again != first {
		t.Errorf("without --pull the base image changed: %s became %s", first, again)
	}
	if pulled := s.digest(t, dir, "--pull"); pulled == first {
		t.Errorf("with --pull the base image is still the one that was here: %s", first)
	}
}

// mutated is busybox with another label.
func mutated(t *testing.T) v1.Image {
	t.Helper()
	img := busyboxImage(t)
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Config.Labels = map[string]string{"edition": "second"}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
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
	for _, n := range names {
		push(t, s, busyboxImage(t), n)
	}
}

func busyboxImage(t *testing.T) v1.Image {
	t.Helper()
	from, err := name.NewTag("docker.io/library/busybox:latest")
	if err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(archive(t, "busybox"), &from)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// push puts an image into the registry of serveRegistry.
func push(t *testing.T, s site, img v1.Image, as string) {
	t.Helper()
	to, err := name.ParseReference("127.0.0.1:5000/"+as, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	err = remote.Write(to, img, remote.WithAuth(&authn.Basic{Username: "team", Password: "hush"}),
		remote.WithTransport(&http.Transport{DialContext: s.DialContext}))
	if err != nil {
		t.Fatal(err)
	}
}
