package plane

import (
	"context"
	"fmt"
	"io"

	"nagi.dev/plane/hook"
	"nagi.dev/plane/install"
	"nagi.dev/plane/place"
	"nagi.dev/plane/seed"
)

const hookUsage = `nagi-plane hook runs the commands of a compose hook, one after the other.

  nagi-plane hook STEP...

A STEP is JSON: {"command": ["sh", "-c", "…"], "user": "NAME", "dir": "/srv", "env": ["A=b"]}
Only the command is required. It ends at the first command that fails.
`

func hookCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := hook.Options{Stdout: stdout, Stderr: stderr}
	steps, code, done := steps("hook", args, hookUsage, hook.Parse, stdout, stderr)
	if done {
		return code
	}
	o.Steps = steps
	return report(stderr, hook.Run(ctx, o))
}

const placeUsage = `nagi-plane place gives files and folders to the users that own them.

  nagi-plane place STEP...

A STEP is JSON: {"from": "/a/file", "to": "/b/file", "uid": 33, "gid": 33, "mode": "0440"}
Without "from", what stands at "to" gets the owner and the mode.
`

func placeCommand(args []string, stdout, stderr io.Writer) int {
	steps, code, done := steps("place", args, placeUsage, place.Parse, stdout, stderr)
	if done {
		return code
	}
	return report(stderr, place.Run(steps))
}

// steps reads the arguments of a command that takes nothing but steps.
func steps[S any](name string, args []string, usage string, parse func(string) (S, error), stdout, stderr io.Writer) (all []S, code int, done bool) {
	rest, code, done := newFlags(name).parse(args, usage, stdout, stderr)
	if done {
		return nil, code, true
	}
	for _, text := range rest {
		s, err := parse(text)
		if err != nil {
			fmt.Fprintf(stderr, "nagi-plane: %s: %v\n\n%s", name, err, usage)
			return nil, exitUsage, true
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		fmt.Fprintf(stderr, "nagi-plane: %s: name a step\n\n%s", name, usage)
		return nil, exitUsage, true
	}
	return all, exitDone, false
}

const installUsage = `nagi-plane install leaves a copy of this program in a folder.

  nagi-plane install FOLDER
`

func installCommand(args []string, stdout, stderr io.Writer) int {
	rest, code, done := newFlags("install").parse(args, installUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) != 1 {
		fmt.Fprintf(stderr, "nagi-plane: install: name one folder\n\n%s", installUsage)
		return exitUsage
	}
	return report(stderr, install.Run(rest[0]))
}

const seedUsage = `nagi-plane seed fills empty volumes with what the image has at their place.

  nagi-plane seed FOLDER VOLUME [FOLDER VOLUME...]
`

func seedCommand(args []string, stdout, stderr io.Writer) int {
	rest, code, done := newFlags("seed").parse(args, seedUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) == 0 || len(rest)%2 != 0 {
		fmt.Fprintf(stderr, "nagi-plane: seed: name a folder and a volume\n\n%s", seedUsage)
		return exitUsage
	}
	for i := 0; i < len(rest); i += 2 {
		if err := seed.Run(rest[i], rest[i+1]); err != nil {
			return report(stderr, err)
		}
	}
	return exitDone
}
