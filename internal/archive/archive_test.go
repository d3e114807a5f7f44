package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func sample(t *testing.T) Image {
	l, err := Layer(map[string]File{
		"usr/bin/tool": {Type: tar.TypeReg, Mode: 0o4755, Content: []byte("#!/bin/true")},
		"bin":          {Type: tar.TypeSymlink, Mode: 0o777, Link: "usr/bin"},
		"a":            {Type: tar.TypeLink, Link: "usr/bin/tool"},
		"tmp":          {Type: tar.TypeDir, Mode: 0o1777},
		"var/x":        {Type: tar.TypeDir, Mode: 0o700, UID: 999, GID: 998},
	})
	if err != nil {
		t.Fatal(err)
	}
	img, err := New("amd64", v1.Config{Cmd: []string{"tool"}}, l)
	if err != nil {
		t.Fatal(err)
	}
	return Image{Image: img, Names: []string{"example.org/tool:1", "example.org/tool:latest"}}
}

func TestLayerIsSortedAndComplete(t *testing.T) {
	layers, err := sample(t).Layers()
	if err != nil {
		t.Fatal(err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	r := tar.NewReader(content)
	for h, err := r.Next(); err == nil; h, err = r.Next() {
		got = append(got, h.Name+" "+h.FileInfo().Mode().String())
	}
	want := []string{
		"bin Lrwxrwxrwx", "tmp/ dtrwxrwxrwx", "usr/ drwxr-xr-x", "usr/bin/ drwxr-xr-x",
		"usr/bin/tool urwxr-xr-x", "var/ drwxr-xr-x", "var/x/ drwx------", "a ----------",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWriteGivesEqualBytes(t *testing.T) {
	var one, two bytes.Buffer
	for _, b := range []*bytes.Buffer{&one, &two} {
		if err := Write(b, sample(t)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("two archives of the same image differ")
	}
}

func TestWriteSharesLayers(t *testing.T) {
	var one, two bytes.Buffer
	i := sample(t)
	if err := Write(&one, i); err != nil {
		t.Fatal(err)
	}
	if err := Write(&two, i, i); err != nil {
		t.Fatal(err)
	}
	if two.Len() > one.Len()+1024 {
		t.Errorf("the same image twice takes %d bytes, once %d", two.Len(), one.Len())
	}
}

func TestWriteIsADockerArchive(t *testing.T) {
	var b bytes.Buffer
	want := sample(t)
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	got, err := tarball.Image(open, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := want.ConfigName()
	c, err := got.ConfigName()
	if err != nil || a != c {
		t.Errorf("config %v, want %v (%v)", c, a, err)
	}
}
