package pebble_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"nagi.dev/bus"
	"nagi.dev/bus/conform"
	"nagi.dev/bus/pebble"
)

func TestRestartKeepsEveryStateAndLeasesHold(t *testing.T) {
	mem, clock := vfs.NewMem(), conform.NewClock()
	options := pebble.Options{Dir: "log", FS: mem, Now: clock.Now}
	l := open(t, options)
	if err := l.Configure(t.Context(), "q", bus.Config{MaxAttempts: 3, Backoff: bus.Backoff{First: time.Minute}}); err != nil {
		t.Fatal(err)
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.Append(t.Context(), "q", []bus.Entry{{ID: "done"}, {ID: "failed"}, {ID: "dead"}, {ID: "held"}, {ID: "fresh"}, {ID: "high", Priority: -9}, {ID: "late", Delay: time.Hour}}))
	items, err := l.Lease(t.Context(), "q", bus.Want{Most: 4, For: 24 * time.Hour, Owner: "w"})
	must(nil, err)
	must(l.Settle(t.Context(), "q", []bus.Verdict{
		{Number: 1, Token: items[0].Token, Act: bus.Done},
		{Number: 2, Token: items[1].Token, Act: bus.Again},
		{Number: 3, Token: items[2].Token, Act: bus.Bury, Reason: "r"},
	}))
	before, err := l.Count(t.Context(), "q")
	must(nil, err)
	must(nil, l.Close())

	l = open(t, options)
	if after, err := l.Count(t.Context(), "q"); err != nil || after != before {
		t.Errorf("counts were %+v and are %+v: %v", before, after, err)
	}
	errs, err := l.Settle(t.Context(), "q", []bus.Verdict{
		{Number: 4, Token: items[3].Token, Act: bus.Done}, // a lease from before
		{Number: 1, Token: items[0].Token, Act: bus.Done}, // said again
		{Number: 2, Token: items[1].Token, Act: bus.Done}, // too late
	})
	if err != nil || errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], bus.ErrStale) {
		t.Errorf("settling after the restart: %v %v", errs, err)
	}
	clock.Add(2 * time.Hour)
	rest, err := l.Lease(t.Context(), "q", bus.Want{Most: 9})
	var order []string
	for _, it := range rest {
		order = append(order, it.ID)
		if it.Token <= items[3].Token {
			t.Errorf("token %d after the restart, %d before", it.Token, items[3].Token)
		}
	}
	if err != nil || len(order) != 4 || order[0] != "failed" || order[1] != "fresh" || order[2] != "late" || order[3] != "high" {
		t.Errorf("the rest is %q: %v", order, err)
	}
	if n, err := l.Append(t.Context(), "q", []bus.Entry{{ID: "done"}, {}}); err != nil || n[0] != 1 || n[1] != 8 {
		t.Errorf("numbers after the restart are %v: %v", n, err)
	}
}

func TestBatchLargerThanAMemtableSurvivesAPowerCut(t *testing.T) {
	disk := vfs.NewCrashableMem()
	l := open(t, pebble.Options{Dir: "log", FS: disk})
	var entries []bus.Entry
	for i := range 20 {
		entries = append(entries, bus.Entry{Body: bytes.Repeat([]byte{byte(i)}, 1<<20)})
	}
	for range 3 {
		if _, err := l.Append(t.Context(), "q", entries); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, pebble.Options{Dir: "log", FS: disk.CrashClone(vfs.CrashCloneCfg{})})
	next := uint64(1)
	for next <= 60 {
		items, err := again.Read(t.Context(), "q", next, 60)
		if err != nil || len(items) == 0 {
			t.Fatalf("from %d: %d items, %v", next, len(items), err)
		}
		for _, it := range items {
			if it.Number != next || !bytes.Equal(it.Body, entries[(next-1)%20].Body) {
				t.Fatalf("item %d is not what was appended as %d", it.Number, next)
			}
			next++
		}
	}
}

func TestAFolderIsOpenedOnce(t *testing.T) {
	dir := t.TempDir()
	open(t, pebble.Options{Dir: dir})
	if l, err := pebble.Open(pebble.Options{Dir: dir}); err == nil {
		_ = l.Close()
		t.Error("a second log opened the same folder")
	}
}

func TestCloseEndsThoseWhoWait(t *testing.T) {
	l := open(t, pebble.Options{Dir: "log", FS: vfs.NewMem()})
	if err := l.Configure(t.Context(), "q", bus.Config{}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := l.Lease(t.Context(), "q", bus.Want{Wait: time.Hour})
		ended <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, bus.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
