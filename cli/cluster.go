package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/layout"
	"nagi.dev/kube"
)

// clusterFlags say which cluster a command talks to.
type clusterFlags struct {
	kubeconfig string
	context    string
}

func (f *clusterFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.kubeconfig, "kubeconfig", "", "talk to the cluster of this file (default: the server of this machine)")
	flags.StringVar(&f.context, "context", "", "of the contexts of the kubeconfig, this one; alone: of kubectl's own kubeconfig")
}

// A cluster is a Kubernetes that knows Stacks: kube for objects, the typed
// client for what is none, such as logs.
type cluster struct {
	kubernetes.Interface
	objects *kube.Client
	config  *rest.Config
}

// dial opens the cluster of f; it does not speak to it yet.
func (a *app) dial(f clusterFlags) (cluster, error) {
	file := f.kubeconfig
	if file == "" && f.context == "" {
		file = layout.For(a.dataDir).Kubeconfig
	}
	if file != "" {
		if err := readable(file); err != nil {
			return cluster{}, err
		}
	}
	config, err := kube.ConfigOf(file, f.context)
	if err != nil {
		return cluster{}, err
	}
	return openCluster(config)
}

func openCluster(config *rest.Config) (cluster, error) {
	config.WarningHandler = rest.NoWarnings{}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return cluster{}, fmt.Errorf("open cluster %s: %w", config.Host, err)
	}
	objects, err := kube.New(config)
	if err != nil {
		return cluster{}, err
	}
	return cluster{Interface: typed, objects: objects, config: config}, nil
}

// readable says what to do about a kubeconfig that cannot be read.
func readable(file string) error {
	f, err := os.Open(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("no server is running: %s is missing; nagi up starts one", file)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("read kubeconfig %s: permission denied; run it with sudo", file)
	case err != nil:
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	return f.Close()
}

// listStacks returns the Stacks of namespace; "" means of all.
func (c cluster) listStacks(ctx context.Context, namespace string) ([]v1alpha1.Stack, error) {
	var list v1alpha1.StackList
	if err := c.objects.List(ctx, &list, kube.InNamespace(namespace)); err != nil {
		return nil, plain("list stacks", err)
	}
	return list.Items, nil
}

// plain says what to do about the errors that everyone meets once.
func plain(doing string, err error) error {
	switch {
	case utilnet.IsConnectionRefused(err):
		return fmt.Errorf("%s: the server does not answer; nagi status shows whether it runs", doing)
	case meta.IsNoMatchError(err):
		return fmt.Errorf("%s: this cluster does not know Stacks; it is no server of Nagi, or one that still starts", doing)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// nodeReady counts the nodes, and those that are ready.
func (c cluster) nodeReady(ctx context.Context) (ready, all int, err error) {
	nodes, err := c.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, 0, plain("list nodes", err)
	}
	for _, n := range nodes.Items {
		for _, cond := range n.Status.Conditions {
			if cond.Type == corev1.NodeReady && cond.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	return ready, len(nodes.Items), nil
}
