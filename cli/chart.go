package cli

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nagi.dev/compose"
)

// needs tells a person what the cluster must offer, and what it will not have.
func (d *deployment) needs(io stdio, objs []compose.Object) {
	if len(d.leftOut) > 0 {
		io.note("Left out, for only Nagi's own nodes have it:")
	}
	for _, l := range d.leftOut {
		io.note("  %s", l)
	}
	all := compose.Needs(objs)
	if len(all) == 0 {
		return
	}
	io.note("The cluster needs:")
	for _, n := range all {
		io.note("  %s", n)
	}
}

// chart writes the objects as a Helm chart: into a folder, or as the archive
// that helm takes to standard output.
func (d *deployment) chart(io stdio, folder string) error {
	objs := d.all()[1:] // helm makes the namespace
	files, err := compose.Chart(d.stack().Name, objs)
	if err != nil {
		return err
	}
	if folder == "" && terminal(io.Out) {
		return usage("a chart is an archive, no text: name a folder with --to, or send it to a file")
	}
	d.needs(io, objs)
	if n := len(d.bundle.Secrets); n > 0 {
		io.note("The chart holds the contents of %d secrets: keep it as you keep them.", n)
	}
	if folder == "" {
		return archiveChart(io, d.stack().Name, files)
	}
	return writeChart(folder, files)
}

// writeChart makes a folder; one with something else in it stays as it is.
func writeChart(folder string, files []compose.ChartFile) error {
	if _, err := os.Stat(filepath.Join(folder, "Chart.yaml")); errors.Is(err, fs.ErrNotExist) {
		if all, err := os.ReadDir(folder); err == nil && len(all) > 0 {
			return fmt.Errorf("write chart: %s is not empty and holds no chart; name another folder", folder)
		}
	}
	if err := os.RemoveAll(filepath.Join(folder, "templates")); err != nil { // of services that left the file
		return fmt.Errorf("write chart: %w", err)
	}
	for _, f := range files {
		name := filepath.Join(folder, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("write chart: %w", err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil { // it may hold secrets
			return fmt.Errorf("write chart: %w", err)
		}
	}
	return nil
}

func archiveChart(io stdio, name string, files []compose.ChartFile) error {
	zip := gzip.NewWriter(io.Out)
	w := tar.NewWriter(zip)
	for _, f := range files {
		h := &tar.Header{Name: name + "/" + f.Path, Mode: 0o644, Size: int64(len(f.Data)), Format: tar.FormatPAX}
		if err := w.WriteHeader(h); err != nil {
			return fmt.Errorf("write chart: %w", err)
		}
		if _, err := w.Write(f.Data); err != nil {
			return fmt.Errorf("write chart: %w", err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		return fmt.Errorf("write chart: %w", err)
	}
	return nil
}
