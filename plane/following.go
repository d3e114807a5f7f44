package plane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"nagi.dev/plane/follow"
	"nagi.dev/plane/proxy"
)

func followFlags(f flags) *follow.Options {
	o := &follow.Options{CA: []byte(os.Getenv("NAGI_PLATFORM_CA"))}
	f.StringVar(&o.URL, "follow", "", "")
	f.StringVar(&o.Token, "token", "", "")
	f.StringVar(&o.Keep, "keep", "", "")
	return o
}

// named counts the sources of a document that are given.
func named(sources ...string) (n int) {
	for _, s := range sources {
		if s != "" {
			n++
		}
	}
	return n
}

// followCommand runs what the platform streams. It is ready with the first
// document.
func followCommand(ctx context.Context, o proxy.Options, stream follow.Options, stderr io.Writer) int {
	stream.Log = o.Log
	if err := stream.Validate(); err != nil {
		fmt.Fprintf(stderr, "nagi-plane: proxy: %s\n\n%s", strings.ReplaceAll(err.Error(), "\n", "; "), proxyUsage)
		return exitUsage
	}
	ctx, stop := untilAsked(ctx)
	defer stop()
	p, err := proxy.New(o)
	if err != nil {
		return report(stderr, err)
	}
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	followed := make(chan error, 1)
	go func() { followed <- follow.Run(ctx, stream, p.Apply) }()
	err = p.Run(ctx)
	abandon()
	return report(stderr, errors.Join(err, <-followed))
}
