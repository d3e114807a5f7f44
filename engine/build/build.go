package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/tonistiigi/fsutil"
	"google.golang.org/grpc/codes"

	"nagi.dev/engine/containerd"
	"nagi.dev/engine/registry"
	"nagi.dev/internal/layout"
)

// firstAnswer bounds how long a builder may take to start.
const firstAnswer = time.Minute

// Build makes one image and gives it its names in the pods' store.
func Build(ctx context.Context, d layout.Dirs, r Request) (Result, error) {
	if err := refuse(r); err != nil {
		return Result{}, err
	}
	if r.Out == nil {
		r.Out = io.Discard
	}
	c, err := dial(ctx, d)
	if err != nil {
		return Result{}, err
	}
	defer c.Close()
	registries, err := registry.Apply(d)
	if err != nil {
		return Result{}, err
	}
	name := temporary + identity.NewID()
	opt, clean, err := solveOpt(r, name, registries)
	if err != nil {
		return Result{}, err
	}
	defer clean()
	if err := solve(ctx, c, opt, r); err != nil {
		return Result{}, explain(err, r)
	}
	return adopt(ctx, d, r, name)
}

// attempts is how often a builder is asked to start: one that fell takes along
// who comes while it is swept up.
const attempts = 3

// dial opens the builder's socket, which starts a builder, and waits until it
// answers.
func dial(ctx context.Context, d layout.Dirs) (c *client.Client, err error) {
	for range attempts {
		c, err = dialOnce(ctx, d)
		if grpcerrors.Code(err) != codes.Unavailable {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("start the builder: %w; %s says more", err, filepath.Join(d.Log(), "build.log"))
	}
	return c, nil
}

func dialOnce(ctx context.Context, d layout.Dirs) (*client.Client, error) {
	c, err := client.New(ctx, "unix://"+d.BuildSocket())
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	if _, err := c.Info(wait); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// solveOpt gathers what a build needs. clean removes what it made.
func solveOpt(r Request, name string, registries registry.Config) (client.SolveOpt, func(), error) {
	dir, file, clean, err := recipe(r)
	if err != nil {
		return client.SolveOpt{}, nil, err
	}
	opt := client.SolveOpt{
		Frontend: "dockerfile.v0", FrontendAttrs: attributes(r, file), LocalMounts: map[string]fsutil.FS{},
		Exports: []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{"name": name, "oci-mediatypes": "true", "compression": "zstd"}}},
		Session: []session.Attachable{
			secretsprovider.FromMap(r.Secrets),
			authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
				AuthConfigProvider: credentials(registries, config.LoadDefaultConfigFile(r.Out)),
			}),
		},
		CacheImports: cacheOptions(r.CacheFrom), CacheExports: cacheOptions(r.CacheTo),
	}
	if r.Network == hostNetwork || r.AllowHost {
		opt.AllowedEntitlements = []string{allowHostNetwork}
	}
	folders := map[string]string{"context": r.Context, "dockerfile": dir}
	for name, where := range r.Contexts {
		if !isImage(where) {
			folders[localContext(name)] = where
		}
	}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		if opt.LocalMounts[name], err = fsutil.NewFS(folders[name]); err != nil {
			clean()
			return client.SolveOpt{}, nil, fmt.Errorf("open folder: %w", err)
		}
	}
	return opt, clean, nil
}

// recipe returns the folder and the name of the Dockerfile. One that is given
// as text gets a file for as long as the build takes.
func recipe(r Request) (dir, file string, clean func(), err error) {
	if r.Inline == "" {
		f := r.Dockerfile
		if f == "" {
			f = filepath.Join(r.Context, "Dockerfile")
		}
		if _, err := os.Stat(f); err != nil {
			return "", "", nil, fmt.Errorf("find Dockerfile: %w", err)
		}
		return filepath.Dir(f), filepath.Base(f), func() {}, nil
	}
	if dir, err = os.MkdirTemp("", "nagi-build-"); err != nil {
		return "", "", nil, fmt.Errorf("write Dockerfile: %w", err)
	}
	clean = func() { _ = os.RemoveAll(dir) }
	if err = os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(r.Inline), 0o600); err != nil {
		clean()
		return "", "", nil, fmt.Errorf("write Dockerfile: %w", err)
	}
	return dir, "Dockerfile", clean, nil
}

func cacheOptions(list []map[string]string) []client.CacheOptionsEntry {
	var out []client.CacheOptionsEntry
	for _, c := range list {
		attrs := maps.Clone(c)
		delete(attrs, "type")
		out = append(out, client.CacheOptionsEntry{Type: c["type"], Attrs: attrs})
	}
	return out
}

// solve builds, and shows how it goes.
func solve(ctx context.Context, c *client.Client, opt client.SolveOpt, r Request) error {
	display, err := progressui.NewDisplay(r.Out, progressui.DisplayMode(r.Progress))
	if err != nil {
		return err
	}
	states := make(chan *client.SolveStatus)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = display.UpdateFrom(context.WithoutCancel(ctx), states) // it ends with states
	}()
	_, err = c.Solve(ctx, nil, opt, states)
	<-shown
	return err
}

// adopt takes the image over to the pods.
func adopt(ctx context.Context, d layout.Dirs, r Request, name string) (Result, error) {
	store, err := containerd.Dial(ctx, d.ContainerdSocket())
	if err != nil {
		return Result{}, err
	}
	defer store.Close()
	var out Result
	out.Digest, err = store.Adopt(ctx, Namespace, name, func(digest string) []string {
		out.Names, _ = names(r.Tags, digest) // refuse has looked at them
		return out.Names
	})
	if err != nil {
		return Result{}, fmt.Errorf("hand the image to the server: %w", err)
	}
	repo, _, _ := strings.Cut(out.Names[0], "@")
	return out, store.Trim(ctx, repo)
}

// errCanceled is what a person who pressed ^C reads.
var errCanceled = errors.New("canceled")
