package look

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What one program writes the other reads, among whatever else is in the log.
func TestReadFindsWhatWasWritten(t *testing.T) {
	var log bytes.Buffer
	log.WriteString("some words of a script\n")
	opened := time.Date(2026, 11, 25, 1, 2, 3, 4, time.UTC)
	if err := WriteFacts(&log, Facts{Hostname: "web", Argv: []string{"sh", "-c", "a\nb"}}); err != nil {
		t.Fatal(err)
	}
	if err := WriteOpen(&log, opened); err != nil {
		t.Fatal(err)
	}
	f, open := Read(&log)
	if f == nil || f.Hostname != "web" || f.Argv[2] != "a\nb" || !open.Equal(opened) {
		t.Errorf("Read = %+v, %v", f, open)
	}
	if f, open := Read(bytes.NewBufferString("nothing\n")); f != nil || !open.IsZero() {
		t.Errorf("Read of a foreign log = %+v, %v", f, open)
	}
}

func TestDigestIsOfContentOnly(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, two} {
		if got := Digest(dir); got != Empty {
			t.Errorf("digest of an empty folder = %s", got)
		}
	}
	write := func(dir, name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(one, "conf/a", "1")
	write(two, "..data/conf/a", "1") // as Kubernetes lays out what it mounts
	if err := os.Symlink("..data/conf", filepath.Join(two, "conf")); err != nil {
		t.Fatal(err)
	}
	if Digest(one) != Digest(two) {
		t.Error("the same content has two digests")
	}
	write(two, "conf/a", "2")
	if Digest(one) == Digest(two) {
		t.Error("another content has the same digest")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(factsMark + `{"Hostname":"a"}` + "\n" + openMark + "2026-01-01T00:00:00Z\n"))
	f.Add([]byte(factsMark + "{\n"))
	f.Fuzz(func(_ *testing.T, log []byte) { Read(bytes.NewReader(log)) })
}
