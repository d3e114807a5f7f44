package image

import (
	"bytes"
	"slices"
	"testing"
)

func systemArchive(t *testing.T) []byte {
	t.Helper()
	binary := bytes.Repeat([]byte("nagi"), 1<<16)
	plane, err := Plane(binary, "nagi.dev/plane:1")
	if err != nil {
		t.Fatal(err)
	}
	pause, err := Pause(binary, "nagi.dev/pause:1")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, plane, pause); err != nil {
		t.Fatal(err)
	}
	if twice := 2 * len(binary); b.Len() > twice {
		t.Errorf("plane and pause take %d bytes: they do not share their layer", b.Len())
	}
	return b.Bytes()
}

func TestSystemImagesAreReproducible(t *testing.T) {
	if !bytes.Equal(systemArchive(t), systemArchive(t)) {
		t.Error("the same binary gave two archives")
	}
}

func TestSystemImagesAreReadBack(t *testing.T) {
	a, err := Read(bytes.NewReader(systemArchive(t)))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"nagi.dev/plane:1", "nagi.dev/pause:1"}; !slices.Equal(a.Names(), want) {
		t.Errorf("names %q, want %q", a.Names(), want)
	}
}
