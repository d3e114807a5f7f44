package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

type imagePushCommand struct {
	app      *app
	whats    []string
	registry string
}

func (a *app) imagePushCmd() *cobra.Command {
	c := &imagePushCommand{app: a}
	cmd := &cobra.Command{
		Use:   "push REGISTRY [plane|platform]...",
		Short: "Bring the system's own images to a registry",
		Long: `Brings the images that this program makes of itself to a registry, and prints the
names by which a cluster pulls them: what nagi install --registry needs. Without a
word both are brought. Credentials are those of /etc/nagi/registries.yaml, else
Docker's own; a registry that the file calls insecure is spoken to without TLS. No
server is needed.`,
		Example:           "  nagi image push registry.example/team\n  nagi install --context production --registry registry.example/team",
		ValidArgsFunction: cobra.FixedCompletions([]string{"plane", "platform"}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("want a registry, and a folder in it: registry.example/team")
			}
			c.registry, c.whats = args[0], args[1:]
			return c.Run(cmd.Context(), a.stdio)
		},
	}
	return cmd
}

func (c *imagePushCommand) Run(ctx context.Context, io stdio) error {
	images, err := systemImagesOf(c.whats, c.registry)
	if err != nil {
		return err
	}
	for _, i := range images {
		io.note("Pushing %s", i.Name)
		begun := time.Now()
		if err := c.app.engine.PushImage(ctx, i); err != nil {
			return fmt.Errorf("push %s: %w", i.Name, err)
		}
		io.note("  done in %s", since(begun))
		io.printf("%s\n", i.Name)
	}
	return nil
}
