package cli

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/compose"
)

// suits asks whether the nodes of a cluster can do all that the file wants of
// them: some of it only Nagi's own runtime does. What would be left out is
// refused like an attribute, unless a person said to approximate.
func (c *deployCommand) suits(ctx context.Context, io stdio, cl cluster, p *compose.Project) error {
	left := compose.LeftOut(p.Project)
	if len(left) == 0 {
		return nil
	}
	_, err := cl.NodeV1().RuntimeClasses().Get(ctx, compose.RuntimeClass, metav1.GetOptions{})
	if err == nil {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return plain("look for the runtime "+compose.RuntimeClass, err)
	}
	io.note("The nodes of this cluster are not Nagi's. They cannot do:")
	for _, l := range left {
		io.note("  %s", l)
	}
	if c.approximate {
		return nil
	}
	return errors.New("the cluster cannot do all that the file asks for (above); change it, or leave it out with --approximate")
}
