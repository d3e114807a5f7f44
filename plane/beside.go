package plane

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"nagi.dev/plane/sync"
	"nagi.dev/plane/topz"
)

const topzUsage = `nagi-plane topz answers GET /topz with the processes of the pod: a table, or
with ?format=json a list.

  --port PORT  where it answers; the default: 8077
`

func topzCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := newFlags("topz")
	port := f.Int("port", 8077, "")
	rest, code, done := f.parse(args, topzUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) > 0 || *port < 1 || *port > 65535 {
		fmt.Fprintf(stderr, "nagi-plane: topz: want a port and nothing else\n\n%s", topzUsage)
		return exitUsage
	}
	ctx, stop := untilAsked(ctx)
	defer stop()
	return report(stderr, topz.Run(ctx, *port))
}

// untilAsked ends also when the kubelet asks for it: as process 1 of a
// container nobody else would hear the signal.
func untilAsked(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
}

const syncUsage = `nagi-plane sync keeps a folder as a source has it.

  --to DIR             the folder to keep
  --from DIR           source: a mounted ConfigMap or Secret
  --url URL            source: one file
  --interval DURATION  how often the URL is asked; the default: 30s
  --once               end as soon as the files are there
  --process NAME       after a change, send a signal to the oldest process of it
  --signal NAME        which signal; the default: HUP
  --reload URL         after a change, ask this URL by POST until it answers 2xx

Example:
  nagi-plane sync --from /nagi/from --to /nagi/to --process nginx --signal HUP
`

func syncCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := sync.Options{Out: stdout}
	f := newFlags("sync")
	f.StringVar(&o.To, "to", "", "")
	f.StringVar(&o.From, "from", "", "")
	f.StringVar(&o.URL, "url", "", "")
	f.DurationVar(&o.Interval, "interval", 0, "")
	f.BoolVar(&o.Once, "once", false, "")
	f.StringVar(&o.Process, "process", "", "")
	f.StringVar(&o.Signal, "signal", "HUP", "")
	f.StringVar(&o.Reload, "reload", "", "")
	rest, code, done := f.parse(args, syncUsage, stdout, stderr)
	if done {
		return code
	}
	err := o.Validate()
	if len(rest) > 0 {
		err = fmt.Errorf("unexpected %q", rest[0])
	}
	if err != nil {
		fmt.Fprintf(stderr, "nagi-plane: sync: %s\n\n%s", strings.ReplaceAll(err.Error(), "\n", "; "), syncUsage)
		return exitUsage
	}
	ctx, stop := untilAsked(ctx)
	defer stop()
	return report(stderr, sync.Run(ctx, o))
}
