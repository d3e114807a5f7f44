package plane

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
)

// flags is a flag.FlagSet that finds its flags before, between and after the
// other arguments.
type flags struct{ *flag.FlagSet }

func newFlags(command string) flags {
	f := flag.NewFlagSet(command, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return flags{f}
}

// parse returns the arguments that are no flags. When done, the command ends
// with code: help was asked for, or a flag is wrong.
func (f flags) parse(args []string, usage string, stdout, stderr io.Writer) (rest []string, code int, done bool) {
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stdout, usage)
			return nil, exitDone, true
		}
		if err != nil {
			fmt.Fprintf(stderr, "nagi-plane: %s: %v\n\n%s", f.Name(), err, usage)
			return nil, exitUsage, true
		}
		if f.NArg() == 0 {
			return rest, exitDone, false
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// cutCommand splits args at the first "--".
func cutCommand(args []string) (before, command []string) {
	if i := slices.Index(args, "--"); i >= 0 {
		return args[:i], args[i+1:]
	}
	return args, nil
}
