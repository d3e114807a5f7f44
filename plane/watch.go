package plane

import (
	"context"
	"fmt"
	"io"
	"time"

	"nagi.dev/plane/receive"
)

const receiveUsage = `nagi-plane receive puts files from a tar stream on standard input in place.

  --map FROM=TO  put what is named below FROM below TO; may be repeated
  --gate DIR     open the gate of this folder once all is there

Example:
  nagi-plane receive --map /app=/.nagi-sync/0 --gate /.nagi-sync/gate
`

func receiveCommand(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o receive.Options
	f := newFlags("receive")
	f.StringVar(&o.Gate, "gate", "", "")
	f.Func("map", "", func(s string) error {
		m, err := receive.ParseMapped(s)
		o.Maps = append(o.Maps, m)
		return err
	})
	rest, code, done := f.parse(args, receiveUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) > 0 {
		fmt.Fprintf(stderr, "nagi-plane: receive: unexpected %q\n\n%s", rest[0], receiveUsage)
		return exitUsage
	}
	return report(stderr, receive.Run(ctx, stdin, o))
}

const gateUsage = `nagi-plane gate copies folders of the image and waits for changed files.

  --dir DIR         folder of the gate's marks
  --seed FROM=TO    copy this folder of the image; may be repeated
  --wait DURATION   how long to wait for changed files (default 10s)

Example:
  nagi-plane gate --dir /.nagi-sync/gate --seed /app=/.nagi-sync/0
`

func gateCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var g receive.Gate
	f := newFlags("gate")
	f.StringVar(&g.Dir, "dir", "", "")
	f.DurationVar(&g.Wait, "wait", 10*time.Second, "")
	f.Func("seed", "", func(s string) error {
		m, err := receive.ParseMapped(s)
		g.Seeds = append(g.Seeds, m)
		return err
	})
	rest, code, done := f.parse(args, gateUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) > 0 || g.Dir == "" {
		fmt.Fprintf(stderr, "nagi-plane: gate: name the folder of the gate with --dir\n\n%s", gateUsage)
		return exitUsage
	}
	return report(stderr, g.Run(ctx, stdout))
}
