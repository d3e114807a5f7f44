package server

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/transport"
	"k8s.io/klog/v2"

	"nagi.dev/engine/calm"
	"nagi.dev/engine/config"
	"nagi.dev/engine/supervise"
	"nagi.dev/internal/layout"
	"nagi.dev/run"
)

// A runner is one part that may end by itself.
type runner interface {
	run.Part
	Err() <-chan error
}

// A body is what a child process does: it starts parts and returns them.
type body func(ctx context.Context, c config.Config, log *slog.Logger) (stop func(context.Context) error, ended <-chan error, err error)

// Child is the whole life of one child process: it starts, says on file
// descriptor 3 that it is ready or why not, and ends on SIGTERM or when one
// of its parts ends.
func Child(name string, dirs layout.Dirs, platform body) error {
	supervise.Inherit()
	c, err := config.Read(dirs)
	if err != nil {
		return err
	}
	bodies := map[string]body{"control": control, "node": node, "platform": platform, "build": builder}
	b := bodies[name]
	if b == nil {
		return fmt.Errorf("no child is called %q", name)
	}
	setLogs(c)
	calm.Hurry()
	// A renewed certificate is used well before the old one ends.
	transport.CertCallbackRefreshDuration = min(5*time.Minute, c.CertLifetime/20)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	say := os.NewFile(3, "supervisor")
	stop, ended, err := b(ctx, c, log)
	if err != nil {
		fmt.Fprintln(say, oneLine(err))
		return err
	}
	fmt.Fprintln(say, "ready")
	say.Close()
	calm.Soon()
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	halt, done := context.WithTimeout(context.Background(), 4*time.Second)
	defer done()
	if e := stop(halt); err == nil {
		err = e
	}
	return err
}

func setLogs(c config.Config) {
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.Level(-c.Verbosity)})))
}

// oneLine keeps an error on the one line that the supervisor reads.
func oneLine(err error) string {
	s := []byte(err.Error())
	for i, b := range s {
		if b == '\n' {
			s[i] = ' '
		}
	}
	return string(s)
}

// first merges the ends of several runners into one channel.
func first(parts ...runner) <-chan error {
	out := make(chan error, len(parts))
	for _, p := range parts {
		go func() {
			if err, ok := <-p.Err(); ok {
				out <- fmt.Errorf("%s ended: %v", p.Name(), err)
			}
		}()
	}
	return out
}
