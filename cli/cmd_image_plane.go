package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"nagi.dev/internal/version"
)

type imagePlaneCommand struct {
	app  *app
	name string
}

func (a *app) imagePlaneCmd() *cobra.Command {
	c := &imagePlaneCommand{app: a}
	cmd := &cobra.Command{
		Use:   "plane",
		Short: "Write the image that rides in pods, for a registry",
		Long: `Writes the image of nagi-plane to standard output, as an archive that docker load
and skopeo read. A cluster that runs what nagi deploy -o yaml prints must be able
to pull it, if a service of the file waits for another, or has hooks or volumes.
No server is needed.`,
		Example: "  nagi image plane --name registry.example/nagi-plane:1 | docker load\n" +
			"  docker push registry.example/nagi-plane:1\n" +
			"  nagi deploy -o yaml --plane-image registry.example/nagi-plane:1 | kubectl apply -f -",
		Args: noArgs,
		RunE: a.run(c),
	}
	cmd.Flags().StringVar(&c.name, "name", version.PlaneImage(), "what the image is called")
	return cmd
}

func (c *imagePlaneCommand) Run(_ context.Context, io stdio) error {
	if terminal(io.Out) {
		return usage("an image is no text: send it to a file or to docker load")
	}
	if err := c.app.engine.PlaneImage(io.Out, c.name); err != nil {
		return fmt.Errorf("write image %s: %w", c.name, err)
	}
	return nil
}
