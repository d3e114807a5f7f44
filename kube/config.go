package kube

import (
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config returns how to reach the cluster of the file kubeconfig. With "" it
// takes $KUBECONFIG or ~/.kube/config, and inside a pod its service account.
//
// The client sets itself no limit of requests: the server's own priority and
// fairness does, and it knows more.
func Config(kubeconfig string) (*rest.Config, error) { return ConfigOf(kubeconfig, "") }

// ConfigOf is Config for one context of the file; "" is its current one.
func ConfigOf(kubeconfig, context string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	with := &clientcmd.ConfigOverrides{CurrentContext: context}
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, with).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	cfg.QPS = -1
	return cfg, nil
}
