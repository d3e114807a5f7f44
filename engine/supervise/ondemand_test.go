package supervise

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nagi.dev/run"
)

// A child of these tests answers one connection and ends, or fails at once.
func TestMain(m *testing.M) {
	switch os.Args[0] {
	case "answers":
		fmt.Fprintln(os.NewFile(3, "supervisor"), "ready")
		l, err := net.FileListener(os.NewFile(5, "socket"))
		if err != nil {
			os.Exit(1)
		}
		c, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		fmt.Fprint(c, os.Getpid())
		os.Exit(0)
	case "fails":
		fmt.Fprintln(os.NewFile(3, "supervisor"), "no luck today")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// onDemand starts a supervisor of a child and counts how often it cleans.
func onDemand(t *testing.T, child string) (socket string, cleaned chan struct{}) {
	t.Helper()
	dir := t.TempDir()
	cleaned = make(chan struct{}, 10)
	o := &OnDemand{
		Child:  Child{Title: "test", Args: []string{child}, LogDir: dir, Ready3: true},
		Socket: filepath.Join(dir, "s"),
		Clean:  func(context.Context) { cleaned <- struct{}{} },
	}
	if _, err := run.Start(t.Context(), slog.New(slog.DiscardHandler), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	<-cleaned
	return o.Socket, cleaned
}

// ask connects and returns what the child says.
func ask(t *testing.T, socket string) string {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(b)
}

func TestEachConnectionStartsAChildThatEnds(t *testing.T) {
	socket, cleaned := onDemand(t, "answers")
	one, two := ask(t, socket), ask(t, socket)
	if one == "" || one == two {
		t.Errorf("the children say %q and %q; want two pids", one, two)
	}
	if len(cleaned) != 0 {
		t.Error("it swept up after a child that ended by itself")
	}
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %o", info.Mode().Perm())
	}
}

func TestWhoAsksAChildThatFailsIsTurnedAway(t *testing.T) {
	socket, cleaned := onDemand(t, "fails")
	if got := ask(t, socket); got != "" && got[:5] != "error" {
		t.Errorf("a child that failed said %q", got)
	}
	<-cleaned
}
