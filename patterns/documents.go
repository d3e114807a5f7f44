package patterns

import (
	"context"
	"errors"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
	"nagi.dev/patterns/stream"
	"nagi.dev/plane/config"
)

// documents are those of one kind.
type documents struct {
	hub  *stream.Hub
	kind string
}

// Publish makes c what the planes of an object run.
func (d documents) Publish(namespace, name string, c *config.Config) (string, error) {
	return d.hub.Publish(stream.Key{Namespace: namespace, Kind: d.kind, Name: name}, c)
}

// Forget drops the document of an object that is gone.
func (d documents) Forget(namespace, name string) {
	d.hub.Forget(stream.Key{Namespace: namespace, Kind: d.kind, Name: name})
}

// review asks the API server who a plane is.
func review(c *kube.Client) func(context.Context, string) (string, string, error) {
	return func(ctx context.Context, token string) (namespace, pod string, err error) {
		id, err := c.Review(ctx, token, v1alpha1.Audience)
		if errors.Is(err, kube.ErrToken) {
			err = stream.ErrToken
		}
		return id.Namespace, id.Pod, err
	}
}
