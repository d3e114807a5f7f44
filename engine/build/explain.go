package build

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/solver/errdefs"
)

// explain says where in the Dockerfile a build failed, and why. The lines
// around the place go to the progress.
func explain(err error, r Request) error {
	if errors.Is(err, context.Canceled) {
		return errCanceled
	}
	why := reason(err.Error())
	sources := errdefs.Sources(err)
	if len(sources) == 0 {
		return errors.New(why)
	}
	s := sources[len(sources)-1]
	_ = s.Print(r.Out) // progress is for reading; the error stands without
	if s.Info == nil || len(s.Ranges) == 0 || s.Ranges[0].Start == nil {
		return errors.New(why)
	}
	return fmt.Errorf("%s:%d: %s", s.Info.Filename, s.Ranges[0].Start.Line, why)
}

// reason cuts from a text of BuildKit what says only that it failed. Its
// errors come as text: over the wire there is no type for them.
func reason(text string) string {
	if i := strings.Index(text, baseImage+" "); i >= 0 {
		return tidy(text[i:])
	}
	if strings.Contains(text, insecure+" is not allowed") {
		return "RUN --security=insecure: a build step does not get the machine; remove it"
	}
	for _, noise := range []string{"failed to solve: ", "rpc error: code = Unknown desc = ", "dockerfile parse error on "} {
		text = strings.Replace(text, noise, "", 1)
	}
	return tidy(text)
}
