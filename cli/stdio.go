package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A stdio is where a command reads and prints.
type stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

func (s stdio) printf(format string, args ...any) { fmt.Fprintf(s.Out, format, args...) }

// note tells a person something that is not the result.
func (s stdio) note(format string, args ...any) { fmt.Fprintf(s.Err, format+"\n", args...) }

// confirm asks a person before something that cannot be taken back.
func (s stdio) confirm(what string) error {
	if !terminal(s.In) {
		return usage("%s; add --yes", what)
	}
	fmt.Fprintf(s.Err, "%s%s. Type yes to go on: ", strings.ToUpper(what[:1]), what[1:])
	answer, err := bufio.NewReader(s.In).ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != "yes" {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}

// json prints v as the stable output of -o json.
func (s stdio) json(v any) error {
	e := json.NewEncoder(s.Out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// terminal tells whether stream is a screen or a keyboard.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// width is the number of columns of a terminal; 100 where nobody can tell.
func width(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && ws.Col > 20 {
			return int(ws.Col)
		}
	}
	return 100
}
