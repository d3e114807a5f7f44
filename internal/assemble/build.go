package assemble

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"nagi.dev/internal/archive"
)

// Options say where images are made. Only Out and Project are required.
type Options struct {
	Out     string    // folder for the archives, one NAME.tar a recipe
	Cache   string    // folder for packages and lists; "": Out/.cache
	Project string    // top of the project, from where Program.Dir counts
	Log     io.Writer // a line for each image; nil: none
}

// dropped are the paths that no image needs. Licences stay.
var dropped = []string{
	"usr/share/man", "usr/share/man/**", "usr/share/locale", "usr/share/locale/**", "usr/share/info", "usr/share/info/**",
	"usr/share/lintian", "usr/share/lintian/**", "usr/share/bug", "usr/share/bug/**", "usr/share/bash-completion", "usr/share/bash-completion/**",
	"usr/share/doc/*/changelog*", "usr/share/doc/*/NEWS*", "usr/share/doc/*/README*", "usr/share/doc/*/examples", "usr/share/doc/*/examples/**",
	"usr/share/doc-base", "usr/share/doc-base/**", "usr/share/perl5", "usr/share/perl5/**", "usr/share/menu/**", "usr/share/pixmaps/**",
	"usr/lib/systemd", "usr/lib/systemd/**", "usr/lib/tmpfiles.d/**", "usr/lib/udev/**", "etc/init.d", "etc/init.d/**",
	"etc/logrotate.d/**", "etc/cron.*", "etc/cron.*/**", "var/cache/**", "var/log/**",
}

// Build makes the archive of each recipe in o.Out. One whose packages,
// programs and recipe did not change since the last time is left as it is.
func Build(ctx context.Context, o Options, recipes ...Recipe) error {
	b, err := newBuilder(ctx, o)
	if err != nil {
		return err
	}
	for _, r := range recipes {
		if err := b.build(ctx, r); err != nil {
			return fmt.Errorf("make image %s: %w", r.Name, err)
		}
	}
	return nil
}

type builder struct {
	Options
	debian debian
	self   string // digest of this very program: recipes are code
	bases  map[string]part
}

// part is one image in the making.
type part struct {
	tree   Tree // all of it
	debs   []string
	layers []v1.Layer
}

func newBuilder(ctx context.Context, o Options) (*builder, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	cache, err := filepath.Abs(cmp.Or(o.Cache, filepath.Join(o.Out, ".cache")))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return nil, fmt.Errorf("make folder for images: %w", err)
	}
	b := &builder{Options: o, debian: debian{cache}, bases: map[string]part{}}
	if err := b.debian.configure(); err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		return nil, fmt.Errorf("read this program: %w", err)
	}
	b.self = digest(data)
	return b, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (b *builder) build(ctx context.Context, r Recipe) error {
	debs, err := b.resolve(ctx, r)
	if err != nil {
		return err
	}
	programs, err := b.compile(ctx, r)
	if err != nil {
		return err
	}
	key := b.key(r, debs, programs)
	file := filepath.Join(b.Out, r.Name+".tar")
	if old, err := os.ReadFile(b.keyFile(r)); err == nil && string(old) == key {
		if _, err := os.Stat(file); err == nil {
			fmt.Fprintf(b.Log, "%-12s unchanged\n", r.Name)
			return nil
		}
	}
	img, err := b.image(ctx, r, debs, programs)
	if err != nil {
		return err
	}
	if err := b.write(file, archive.Image{Image: img, Names: r.Names}); err != nil {
		return err
	}
	id, err := img.Digest()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.Log, "%-12s %s %s\n", r.Name, id.Hex[:12], strings.Join(r.Names, " "))
	return os.WriteFile(b.keyFile(r), []byte(key), 0o644)
}

func (b *builder) keyFile(r Recipe) string { return filepath.Join(b.Out, "."+r.Name+".key") }

// key stands for everything that goes into an image.
func (b *builder) key(r Recipe, debs []string, programs map[string][]byte) string {
	all := append([]string{b.self, r.Name}, debs...)
	for _, p := range slices.Sorted(maps.Keys(programs)) {
		all = append(all, p, digest(programs[p]))
	}
	return digest([]byte(strings.Join(all, "\n")))
}

// resolve returns the package files of r and of all images below it.
func (b *builder) resolve(ctx context.Context, r Recipe) ([]string, error) {
	var packages, without []string
	for x := &r; x != nil; x = x.On {
		packages, without = append(packages, x.Packages...), append(without, x.Without...)
	}
	if len(packages) == 0 {
		return nil, nil
	}
	if err := b.debian.update(ctx); err != nil {
		return nil, err
	}
	return b.debian.closure(ctx, packages, without)
}

func (b *builder) image(ctx context.Context, r Recipe, debs []string, programs map[string][]byte) (v1.Image, error) {
	p, err := b.part(ctx, r, debs, programs)
	if err != nil {
		return nil, err
	}
	return archive.New(runtime.GOARCH, r.Config, p.layers...)
}

// part makes the layers of r on those of the image below.
func (b *builder) part(ctx context.Context, r Recipe, debs []string, programs map[string][]byte) (part, error) {
	base, err := b.base(ctx, r.On)
	if err != nil {
		return part{}, err
	}
	tree := maps.Clone(base.tree)
	own := slices.DeleteFunc(slices.Clone(debs), func(d string) bool { return slices.Contains(base.debs, d) })
	if err := b.install(ctx, tree, own, newDropper(slices.Concat(dropped, r.Drop))); err != nil {
		return part{}, err
	}
	if err := finish(tree, r, programs); err != nil {
		return part{}, err
	}
	layer, err := archive.Layer(tree.without(base.tree))
	if err != nil {
		return part{}, err
	}
	return part{tree: tree, debs: debs, layers: append(slices.Clone(base.layers), layer)}, nil
}

// base makes the image that others stand on, once.
func (b *builder) base(ctx context.Context, r *Recipe) (part, error) {
	if r == nil {
		return part{tree: Tree{}}, nil
	}
	if p, ok := b.bases[r.Name]; ok {
		return p, nil
	}
	debs, err := b.resolve(ctx, *r)
	if err != nil {
		return part{}, err
	}
	programs, err := b.compile(ctx, *r)
	if err != nil {
		return part{}, err
	}
	p, err := b.part(ctx, *r, debs, programs)
	if err == nil {
		b.bases[r.Name] = p
	}
	return p, err
}

func (b *builder) install(ctx context.Context, t Tree, debs []string, drop dropper) error {
	if err := b.debian.fetch(ctx, debs); err != nil {
		return err
	}
	for _, d := range debs {
		if err := b.debian.unpack(ctx, d, t, drop); err != nil {
			return err
		}
	}
	return nil
}

// finish adds what no package brings.
func finish(t Tree, r Recipe, programs map[string][]byte) error {
	maps.Copy(t, r.Files)
	for p, data := range programs {
		t[p] = Script(string(data))
	}
	if r.Finish != nil {
		if err := r.Finish(t); err != nil {
			return err
		}
	}
	t.addUsers(r.Users)
	return nil
}

// write replaces the archive in one step, so that none is ever half there.
func (b *builder) write(file string, img archive.Image) error {
	f, err := os.CreateTemp(b.Out, ".image-*")
	if err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := archive.Write(f, img); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return os.Rename(f.Name(), file)
}
