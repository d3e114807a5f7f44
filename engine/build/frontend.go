package build

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"

	"nagi.dev/engine/registry"
)

// dockerfile reads a Dockerfile with the reader that is built in.
func dockerfile(ctx context.Context, c client.Client) (*client.Result, error) {
	return builder.Build(ctx, explainer{c})
}

// An explainer says what to do about a base image that is nowhere.
type explainer struct{ client.Client }

// ResolveImageConfig implements client.Client: every base image goes by here.
func (e explainer) ResolveImageConfig(ctx context.Context, image string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	ref, dgst, config, err := e.Client.ResolveImageConfig(ctx, image, opt)
	if err != nil && opt.OCILayoutOpt == nil && ctx.Err() == nil {
		err = fmt.Errorf("%s %s is not here, and no registry gave it (%w); load it with nagi image import, or name a mirror that has it in %s",
			baseImage, image, rootCause(err), registry.File)
	}
	return ref, dgst, config, err
}

// baseImage begins what is said of a base image that is missing.
const baseImage = "base image"

// rootCause is what went wrong, without who asked whom: what happened to the
// request, or else the innermost error.
func rootCause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
