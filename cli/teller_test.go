package cli

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTeller(t *testing.T) {
	for _, tt := range []struct {
		name   string
		takes  time.Duration
		failed bool
		want   string
	}{
		{name: "a build that is over at once says nothing", takes: quiet / 2},
		{name: "one that failed at once says all", takes: quiet / 2, failed: true, want: "web  | #1 begun\nweb  | #1 done\nweb  | rest\n"},
		{name: "one that takes longer says what it held back", takes: 2 * quiet, want: "web  | #1 begun\nweb  | #1 done\nweb  | rest\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var out bytes.Buffer
				w := newTeller(&mu, &out, "web", []string{"web", "base"})
				_, _ = w.Write([]byte("#1 begun\n\n#1 d"))
				time.Sleep(tt.takes)
				synctest.Wait()
				if first := strings.HasPrefix(out.String(), "web  | #1 begun\n"); first != (tt.takes > quiet) {
					t.Errorf("after %s it has said %q", tt.takes, out.String())
				}
				_, _ = w.Write([]byte("one\nrest"))
				w.end(tt.failed)
				time.Sleep(time.Hour)
				if got := out.String(); got != tt.want {
					t.Errorf("it says %q; want %q", got, tt.want)
				}
			})
		})
	}
}
