package compose

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write what is seen into the files of testdata/broken; review the difference")

// Every file of testdata/broken names the one error it gives in its first line.
func TestEveryBrokenFileGivesOneErrorWithItsPlace(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d broken files, %v; want at least 50", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			first, rest, _ := bytes.Cut(data, []byte("\n"))
			got := loadBroken(t, LoadOptions{Files: []string{filepath.Base(name)}, WorkDir: filepath.Dir(name)})
			if *rewrite {
				text := append([]byte("# want: "+got+"\n"), rest...)
				if err := os.WriteFile(name, text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := strings.TrimPrefix(string(first), "# want: "); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// loadBroken returns the text of the error, which must be an *Error of one
// line and come within a second.
func loadBroken(t *testing.T, o LoadOptions) string {
	t.Helper()
	o.Environ = []string{}
	if o.WorkDir != "" && !filepath.IsAbs(o.WorkDir) {
		abs, err := filepath.Abs(o.WorkDir)
		if err != nil {
			t.Fatal(err)
		}
		o.WorkDir = abs
	}
	before := processorTime(t)
	_, err := Load(t.Context(), o)
	if took := processorTime(t) - before; took > time.Second {
		t.Errorf("it took %s", took)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want an *Error", err, err)
	}
	if strings.Contains(e.Error(), "\n") {
		t.Errorf("more than one line: %s", e)
	}
	return strings.ReplaceAll(e.Error(), o.WorkDir, "DIR")
}

// processorTime is what this process has used so far. Unlike a clock it does
// not count what other programs of a busy machine do.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
