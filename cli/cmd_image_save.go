package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

type imageSaveCommand struct {
	app      *app
	whats    []string
	registry string
	name     string
}

func (a *app) imageSaveCmd() *cobra.Command {
	c := &imageSaveCommand{app: a}
	cmd := &cobra.Command{
		Use:   "save [plane|platform]...",
		Short: "Write the system's own images as an archive",
		Long: `Writes the images that this program makes of itself to standard output, as an
archive that docker load, skopeo and nagi image import read: plane rides in pods,
platform keeps the kinds of Nagi on a cluster that exists (nagi install). Without
a word both are written. No server is needed.`,
		Example: "  nagi image save > nagi.tar\n" +
			"  nagi image save platform --registry registry.example/team | docker load\n" +
			"  nagi image save plane --name registry.example/nagi-plane:1 | docker load",
		ValidArgs: []string{"plane", "platform"},
		RunE: func(cmd *cobra.Command, args []string) error {
			c.whats = args
			return c.Run(cmd.Context(), a.stdio)
		},
	}
	cmd.Flags().StringVar(&c.registry, "registry", "", "registry, and folder in it, that the names begin with (default nagi.dev)")
	cmd.Flags().StringVar(&c.name, "name", "", "what the one image is called, in full")
	return cmd
}

func (c *imageSaveCommand) Run(_ context.Context, io stdio) error {
	images, err := systemImagesOf(c.whats, c.registry)
	if err != nil {
		return err
	}
	if c.name != "" {
		if len(c.whats) != 1 || c.registry != "" {
			return usage("--name is for one image, and without --registry")
		}
		images[0].Name = c.name
	}
	if terminal(io.Out) {
		return usage("an image is no text: send it to a file or to docker load")
	}
	if err := c.app.engine.SaveImages(io.Out, images); err != nil {
		return fmt.Errorf("write images: %w", err)
	}
	return nil
}
