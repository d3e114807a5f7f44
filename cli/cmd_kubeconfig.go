package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"nagi.dev/internal/layout"
)

type kubeconfigCommand struct {
	app   *app
	merge bool
	use   bool
}

// contextName is what the cluster, the user and the context are called in a
// kubeconfig that is merged into.
const contextName = "nagi"

func (a *app) kubeconfigCmd() *cobra.Command {
	c := &kubeconfigCommand{app: a}
	cmd := &cobra.Command{
		Use:     "kubeconfig",
		GroupID: groupCluster,
		Short:   "Print the administrator's kubeconfig, or merge it into yours",
		Long: `Prints the kubeconfig of the server's administrator. With --merge it becomes the
context "nagi" of your own kubeconfig ($KUBECONFIG or ~/.kube/config); all else
in it stays, and a copy of the former file is kept beside it.`,
		Example: "  sudo nagi kubeconfig > admin.kubeconfig\n  sudo nagi kubeconfig --merge --use",
		Args:    noArgs,
		RunE:    a.run(c),
	}
	cmd.Flags().BoolVar(&c.merge, "merge", false, "merge it into your own kubeconfig")
	cmd.Flags().BoolVar(&c.use, "use", false, "with --merge: make it the current context")
	return cmd
}

func (c *kubeconfigCommand) Run(_ context.Context, io stdio) error {
	if c.use && !c.merge {
		return usage("--use goes with --merge")
	}
	file := layout.For(c.app.dataDir).Kubeconfig
	if err := readable(file); err != nil {
		return err
	}
	if c.merge {
		return c.mergeInto(io, file, ownKubeconfig())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	_, err = io.Out.Write(b)
	return err
}

// ownKubeconfig is the file that kubectl would write to.
func ownKubeconfig() string {
	for _, f := range filepath.SplitList(os.Getenv("KUBECONFIG")) {
		if f != "" {
			return f
		}
	}
	return clientcmd.RecommendedHomeFile
}

func (c *kubeconfigCommand) mergeInto(io stdio, from, to string) error {
	server, err := clientcmd.LoadFromFile(from)
	if err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", from, err)
	}
	// Certificates are renewed on disk: name their files by full path.
	if err := clientcmd.ResolveLocalPaths(server); err != nil {
		return fmt.Errorf("read kubeconfig %s: %w", from, err)
	}
	own, old, err := loadOwn(to)
	if err != nil {
		return err
	}
	if err := join(own, server, c.use); err != nil {
		return fmt.Errorf("merge %s: %w", from, err)
	}
	return store(io, own, old, to)
}

// loadOwn returns the kubeconfig in file and its text; both may be empty.
func loadOwn(file string) (*api.Config, []byte, error) {
	old, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return api.NewConfig(), nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	own, err := clientcmd.Load(old)
	if err != nil {
		return nil, nil, fmt.Errorf("read kubeconfig %s: %w; it was left as it is", file, err)
	}
	return own, old, nil
}

// join adds the current context of server to own.
func join(own, server *api.Config, use bool) error {
	ctx := server.Contexts[server.CurrentContext]
	if ctx == nil || server.Clusters[ctx.Cluster] == nil || server.AuthInfos[ctx.AuthInfo] == nil {
		return errors.New("it has no current context")
	}
	own.Clusters[contextName] = server.Clusters[ctx.Cluster]
	own.AuthInfos[contextName] = server.AuthInfos[ctx.AuthInfo]
	own.Contexts[contextName] = &api.Context{Cluster: contextName, AuthInfo: contextName, Namespace: ctx.Namespace}
	if use || own.CurrentContext == "" {
		own.CurrentContext = contextName
	}
	return nil
}

// store writes own in one step, after a copy of what was there.
func store(io stdio, own *api.Config, old []byte, to string) error {
	text, err := clientcmd.Write(*own)
	if err != nil {
		return fmt.Errorf("encode kubeconfig: %w", err)
	}
	if bytes.Equal(text, old) {
		io.printf("%s is up to date.\n", to)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("make folder of kubeconfig: %w", err)
	}
	if old != nil {
		if err := replace(to+".bak", old); err != nil {
			return fmt.Errorf("keep a copy of kubeconfig: %w", err)
		}
		io.note("The former file is kept as %s.bak", to)
	}
	if err := replace(to, text); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	io.printf("Context %q is in %s; kubectl --context %s uses it.\n", contextName, to, contextName)
	return nil
}

// replace writes file in one step, readable by its owner alone. Behind a
// symbolic link, it is the file linked to that changes.
func replace(file string, b []byte) error {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	tmp := file + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}
