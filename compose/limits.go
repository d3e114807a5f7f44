package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// What a compose file may be. They bound the memory (under 200 MB) and the
// time (under a second) that any file can cost, and are far above what people
// write: the largest public files have 3,000 lines.
const (
	maxFileBytes = 4 << 20   // of one compose file
	maxMarks     = 300_000   // lines, commas and the like, which become values
	maxValues    = 100_000   // after aliases are written out; all files together
	maxDepth     = 64        // of nested mappings and lists
	maxFiles     = 256       // of includes and extends together
	maxServices  = 1000      // as many as the status of a Stack holds
	maxEntries   = 1000      // of ports, volumes and the like of one service
	maxText      = 128 << 10 // bytes of one value of a service: Linux takes no longer argument
	maxExtends   = 64        // services in a chain of extends
	maxVariables = 4 << 20   // variables times bytes of the lines they stand in: what filling them in costs
)

// readFile returns the contents of a compose file that is small enough to be one.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, plainCause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, plainCause(err)
	}
	switch {
	case info.IsDir():
		return nil, errors.New("is a folder; name the file in it")
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0:
		return nil, errors.New("is not a regular file")
	}
	return readAll(f)
}

// readAll reads at most maxFileBytes.
func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, plainCause(err)
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("is larger than %d MiB, the most a compose file may have", maxFileBytes>>20)
	}
	return data, nil
}

// plainCause drops the path from a file error: ours begins with it.
func plainCause(err error) error {
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such file")
	case errors.As(err, &pe):
		return pe.Err
	}
	return err
}

// checkText refuses what no YAML parser should be given.
func checkText(data []byte) (line int, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return 0, errors.New("is empty")
	}
	if !utf8.Valid(data) {
		return badLine(data), errors.New("is not UTF-8 text; save it as UTF-8")
	}
	marks := 0
	for _, c := range data {
		switch c {
		case '\n', ',', '[', '{':
			marks++
		}
	}
	if marks > maxMarks {
		return 0, fmt.Errorf("has more than %d lines and values", maxMarks)
	}
	return 0, nil
}

// badLine returns the line of the first byte that is not UTF-8.
func badLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		data = data[n:]
	}
	return line
}

// A gauge counts what a tree would hold if its aliases were written out.
type gauge struct {
	size map[*yaml.Node]int  // finished nodes
	open map[*yaml.Node]bool // nodes on the way down
}

func newGauge() *gauge {
	return &gauge{size: map[*yaml.Node]int{}, open: map[*yaml.Node]bool{}}
}

// measure returns the number of values below n, at most maxValues+1, and the
// node that is at fault. It visits every node once, however often it is aliased.
func (g *gauge) measure(n *yaml.Node, depth int) (int, *yaml.Node, error) {
	if n.Kind == yaml.AliasNode {
		if g.open[n.Alias] {
			return 0, n, fmt.Errorf("alias *%s stands inside its own anchor", n.Value)
		}
		return g.measure(n.Alias, depth)
	}
	if depth > maxDepth {
		return 0, n, fmt.Errorf("is nested more than %d levels deep", maxDepth)
	}
	if size, ok := g.size[n]; ok {
		return size, nil, nil
	}
	g.open[n] = true
	defer delete(g.open, n)
	size := 1
	for _, c := range n.Content {
		below, at, err := g.measure(c, depth+1)
		if err != nil {
			return 0, at, err
		}
		if size += below; size > maxValues {
			return 0, n, fmt.Errorf("has more than %d values once its aliases are written out", maxValues)
		}
	}
	g.size[n] = size
	return size, nil, nil
}
