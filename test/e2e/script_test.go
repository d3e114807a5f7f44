package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"nagi.dev/test/lab"
)

// TestScripts runs testdata's scripts against the shared server, each in a
// namespace of its own, $NS. Beside testscript's commands they have:
//
//	nagi ARG...            run nagi on the machine
//	kubectl ARG...         run kubectl on the machine, in $NS
//	machine ARG...         run any command on the machine
//	outside ARG...         run any command on the other machine of the switch
//	eventually COMMAND...  one of these again and again, until it succeeds
//	background COMMAND...  one of nagi, kubectl or machine, until the script ends
func TestScripts(t *testing.T) {
	s := shared.use(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			name := strings.TrimSuffix(filepath.Base(e.WorkDir), ".txtar")
			ns := strings.TrimPrefix(name, "script-")
			e.Setenv("NS", ns)
			e.Setenv("ADDRESS", sharedAddress)
			e.Setenv("NAGI", s.nagi)
			e.Defer(func() {
				s.Try(context.Background(), s.nagi, "kubectl", "delete", "namespace", ns, "--ignore-not-found", "--wait=false")
			})
			code, out := s.Try(t.Context(), s.nagi, "kubectl", "create", "namespace", ns)
			if code != 0 {
				e.T().Fatal(out)
			}
			return nil
		},
		Cmds: scriptCommands(s),
	})
}

// A word makes a command of a script's arguments.
type word func(ts *testscript.TestScript, ctx context.Context, args []string) *lab.Cmd

func scriptCommands(s site) map[string]func(*testscript.TestScript, bool, []string) {
	words := map[string]word{
		"nagi": s.word(s.nagi),
		"kubectl": func(ts *testscript.TestScript, ctx context.Context, args []string) *lab.Cmd {
			return s.word(s.nagi, "kubectl", "-n", ts.Getenv("NS"))(ts, ctx, args)
		},
		"machine": s.word(),
		"outside": site{Machine: shared.outside}.word(),
	}
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		"eventually": func(ts *testscript.TestScript, neg bool, args []string) { again(ts, neg, words[args[0]], args[1:]) },
		"background": func(ts *testscript.TestScript, _ bool, args []string) { background(ts, words[args[0]], args[1:]) },
	}
	for name, w := range words {
		cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) { once(ts, neg, w, args) }
	}
	return cmds
}

// word makes commands whose arguments begin with prefix.
func (s site) word(prefix ...string) word {
	return func(ts *testscript.TestScript, ctx context.Context, args []string) *lab.Cmd {
		c := s.Command(ctx, append(slices.Clone(prefix), args...)...)
		c.Dir = ts.MkAbs(".")
		return c
	}
}

func run(ts *testscript.TestScript, ctx context.Context, w word, args []string) error {
	c := w(ts, ctx, args)
	c.Stdout, c.Stderr = ts.Stdout(), ts.Stderr()
	return c.Run()
}

func once(ts *testscript.TestScript, neg bool, w word, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	switch err := run(ts, ctx, w, args); {
	case err != nil && !neg:
		ts.Fatalf("%v", err)
	case err == nil && neg:
		ts.Fatalf("it succeeded")
	}
}

// again runs a command until it ends as wanted, for up to a minute.
func again(ts *testscript.TestScript, neg bool, w word, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		err := run(ts, ctx, w, args)
		if (err == nil) != neg {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("after a minute still: %v", err)
		}
	}
}

func background(ts *testscript.TestScript, w word, args []string) {
	ctx, cancel := context.WithCancel(context.Background())
	c := w(ts, ctx, args)
	ts.Check(c.Start())
	ts.Defer(func() {
		cancel()
		_ = c.Wait() // it was killed
	})
}
