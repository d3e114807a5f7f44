package plane

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"nagi.dev/plane/pause"
	"nagi.dev/plane/probe"
	"nagi.dev/plane/wait"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `nagi-plane rides in the pods of Nagi.

Commands:
  pause    holds a pod's namespaces and reaps orphans; ends on SIGTERM
  wait     waits until workloads of this namespace are as asked
  probe    checks a URL, a TCP port or a program once
  hook     runs the commands of a compose hook
  install  leaves a copy of this program in a folder
  place    gives files and folders to the users that own them
  seed     fills empty volumes with what the image has at their place
  receive  puts files from a tar stream in place
  gate     holds a container back until its changed files are there
  proxy    runs a document: what listens, where requests go
  topz     shows the processes of a pod at /topz
  sync     keeps files as a volume or a URL has them, and tells a program
  version  prints the version

Examples:
  nagi-plane wait --for deployment/db=healthy --for job/migrate=completed
  nagi-plane probe http://localhost:8080/healthz --timeout 3s
  nagi-plane probe tcp://localhost:6379
  nagi-plane probe exec --timeout 3s -- /bin/check arg

nagi-plane COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage.
`

// Run runs the command that args names and returns the exit code of the
// process. A canceled ctx ends what runs on; pause, topz and sync end on a signal.
func Run(ctx context.Context, version string, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch args[0] {
	case "pause":
		pause.Run()
		return exitDone
	case "wait":
		return waitCommand(ctx, args[1:], stdout, stderr)
	case "probe":
		return probeCommand(ctx, args[1:], stdout, stderr)
	case "hook":
		return hookCommand(ctx, args[1:], stdout, stderr)
	case "install":
		return installCommand(args[1:], stdout, stderr)
	case "place":
		return placeCommand(args[1:], stdout, stderr)
	case "seed":
		return seedCommand(args[1:], stdout, stderr)
	case "receive":
		return receiveCommand(ctx, args[1:], os.Stdin, stdout, stderr)
	case "gate":
		return gateCommand(ctx, args[1:], stdout, stderr)
	case "proxy":
		return proxyCommand(ctx, args[1:], stdout, stderr)
	case "topz":
		return topzCommand(ctx, args[1:], stdout, stderr)
	case "sync":
		return syncCommand(ctx, args[1:], stdout, stderr)
	case "version", "--version":
		fmt.Fprintln(stdout, version)
		return exitDone
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
		return exitDone
	}
	fmt.Fprintf(stderr, "nagi-plane: unknown command %q\n\n%s", args[0], usage)
	return exitUsage
}

const waitUsage = `nagi-plane wait ends once every workload named is as asked.

  --for KIND/NAME=CONDITION  what to wait for; may be repeated
                             KIND is deployment, daemonset or job
                             CONDITION is started, healthy or completed (jobs)
  --timeout DURATION         give up after this long; 0, the default: never

Example:
  nagi-plane wait --for deployment/db=healthy --for job/migrate=completed --timeout 1h
`

func waitCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o wait.Options
	f := newFlags("wait")
	f.Func("for", "", func(s string) error {
		t, err := wait.ParseTarget(s)
		o.Targets = append(o.Targets, t)
		return err
	})
	f.DurationVar(&o.Timeout, "timeout", 0, "")
	rest, code, done := f.parse(args, waitUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) > 0 || len(o.Targets) == 0 {
		fmt.Fprintf(stderr, "nagi-plane: wait: name what to wait for with --for\n\n%s", waitUsage)
		return exitUsage
	}
	o.Out = stdout
	return report(stderr, wait.Run(ctx, o))
}

const probeUsage = `nagi-plane probe checks once: it is healthy (exit code 0) or not (1).

  nagi-plane probe http://localhost:8080/healthz
  nagi-plane probe https://localhost:8443/ --insecure --status 200-299 --header 'Host: a.example'
  nagi-plane probe tcp://localhost:6379 --timeout 1s
  nagi-plane probe exec --timeout 3s -- /bin/check arg

  --timeout DURATION  give up after this long; the default: 3s
  --status LOW-HIGH   the HTTP status codes that are healthy; the default: 200-399
  --method METHOD     the default: GET
  --header KEY:VALUE  sent with the request; may be repeated
  --insecure          accept any certificate
`

func probeCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := probe.Options{Stdout: stdout, Stderr: stderr}
	args, o.Command = cutCommand(args)
	f := newFlags("probe")
	f.DurationVar(&o.Timeout, "timeout", 0, "")
	f.StringVar(&o.Status, "status", "", "")
	f.StringVar(&o.Method, "method", "", "")
	f.BoolVar(&o.Insecure, "insecure", false, "")
	f.Func("header", "", o.AddHeader)
	rest, code, done := f.parse(args, probeUsage, stdout, stderr)
	if done {
		return code
	}
	if len(rest) != 1 {
		fmt.Fprintf(stderr, "nagi-plane: probe: name one thing to check, not %d\n\n%s", len(rest), probeUsage)
		return exitUsage
	}
	o.Target = rest[0]
	if err := o.Validate(); err != nil {
		fmt.Fprintf(stderr, "nagi-plane: probe: %s\n\n%s", strings.ReplaceAll(err.Error(), "\n", "; "), probeUsage)
		return exitUsage
	}
	return report(stderr, probe.Run(ctx, o))
}

func report(stderr io.Writer, err error) int {
	if err != nil {
		fmt.Fprintf(stderr, "nagi-plane: %v\n", err)
		return exitFailed
	}
	return exitDone
}
