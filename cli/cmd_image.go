package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"nagi.dev/internal/layout"
)

func (a *app) imageCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "image",
		GroupID: groupCluster,
		Short:   "Build, bring, list and remove images without a registry",
		Long: `Builds images of Dockerfiles, brings them into the server from archives, lists
and removes them. No registry is needed.`,
		Example: "  sudo nagi image build -t shop/web .\n  docker save redis:7 | sudo nagi image import -\n  sudo nagi image ls",
		Args:    noCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	cmd.AddCommand(a.imageBuildCmd(), a.imageImportCmd(), a.imageLsCmd(), a.imageRmCmd(), a.imageSaveCmd(), a.imagePushCmd())
	return cmd
}

// images opens the store of the running server.
func (a *app) images() (ImageStore, error) {
	if err := needRoot(); err != nil {
		return nil, err
	}
	dirs := layout.For(a.dataDir)
	if _, running := runningServer(dirs); !running {
		return nil, errors.New("no server is running; nagi up starts one")
	}
	store, err := a.engine.Images(dirs.Data)
	if err != nil {
		return nil, fmt.Errorf("open image store: %w", err)
	}
	return store, nil
}

type imageImportCommand struct {
	app   *app
	files []string
}

func (a *app) imageImportCmd() *cobra.Command {
	c := &imageImportCommand{app: a}
	return &cobra.Command{
		Use:     "import FILE...",
		Short:   "Bring the images of OCI or Docker archives",
		Long:    "Reads OCI and Docker archives, as docker save and skopeo write them, also\ncompressed; - reads standard input.",
		Example: "  sudo nagi image import redis.tar nginx.tar.gz\n  docker save redis:7 | sudo nagi image import -",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("want the name of an archive, or - for standard input")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c.files = args
			return c.Run(cmd.Context(), a.stdio)
		},
	}
}

func (c *imageImportCommand) Run(ctx context.Context, io stdio) error {
	store, err := c.app.images()
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // everything asked for is done
	for _, f := range c.files {
		if err := importFile(ctx, io, store, f); err != nil {
			return err
		}
	}
	return nil
}

func importFile(ctx context.Context, io stdio, store ImageStore, name string) error {
	in, size := io.In, int64(0)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("open archive: %w", err)
		}
		defer f.Close() //nolint:errcheck // only read
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("open archive: %w", err)
		}
		if info.IsDir() {
			return fmt.Errorf("open archive: %s is a folder; name the archive in it", name)
		}
		in, size = f, info.Size()
	}
	p := newMeter(io.Err, "importing "+name, size)
	names, err := store.Import(ctx, p.read(in))
	p.end()
	if err != nil {
		return fmt.Errorf("import %s: %w", name, err)
	}
	for _, n := range names {
		io.printf("%s\n", n)
	}
	if len(names) == 0 {
		io.note("%s holds no named image; docker save takes a name, not a digest", name)
	}
	return nil
}

type imageLsCommand struct {
	app    *app
	all    bool
	output string
}

func (a *app) imageLsCmd() *cobra.Command {
	c := &imageLsCommand{app: a}
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the images of the server",
		Long:    "Lists the images that the server holds, and how much room each takes.",
		Example: "  sudo nagi image ls\n  sudo nagi image ls -o json",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	cmd.Flags().BoolVarP(&c.all, "all", "a", false, "also names that are digests")
	cmd.Flags().StringVarP(&c.output, "output", "o", "", "json: print it as JSON")
	return cmd
}

func (c *imageLsCommand) Run(ctx context.Context, io stdio) error {
	if err := oneOf("output", c.output, "", "json"); err != nil {
		return err
	}
	store, err := c.app.images()
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // only read
	images, err := store.List(ctx)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	images = tidy(images, c.all)
	if c.output == "json" {
		return io.json(images)
	}
	t := table{head: []string{"IMAGE", "SIZE", "AGE", "DIGEST"}}
	for _, i := range images {
		t.add(i.Name, byteCount(i.Size), age(i.Created), cut(strings.TrimPrefix(i.Digest, "sha256:"), 13))
	}
	t.print(io.Out)
	return nil
}

// tidy sorts images by name and leaves out those that only repeat a digest.
func tidy(images []Image, all bool) []Image {
	images = slices.DeleteFunc(append([]Image{}, images...), func(i Image) bool {
		return !all && (strings.HasPrefix(i.Name, "sha256:") || strings.Contains(i.Name, "@sha256:"))
	})
	slices.SortFunc(images, func(a, b Image) int { return strings.Compare(a.Name, b.Name) })
	return images
}

type imageRmCommand struct {
	app   *app
	names []string
}

func (a *app) imageRmCmd() *cobra.Command {
	c := &imageRmCommand{app: a}
	return &cobra.Command{
		Use:     "rm NAME...",
		Short:   "Remove images from the server",
		Long:    "Forgets images. Containers that run from them go on.",
		Example: "  sudo nagi image rm redis:7",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("want the name of an image; nagi image ls lists them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c.names = args
			return c.Run(cmd.Context(), a.stdio)
		},
	}
}

func (c *imageRmCommand) Run(ctx context.Context, io stdio) error {
	store, err := c.app.images()
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // everything asked for is done
	var errs []error
	for _, n := range c.names {
		if err := store.Remove(ctx, n); err != nil {
			errs = append(errs, fmt.Errorf("remove %s: %w", n, err))
			continue
		}
		io.printf("%s\n", n)
	}
	return errors.Join(errs...)
}
