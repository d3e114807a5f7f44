package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nagi.dev/test/compare/look"
)

// roleEnv tells the children of a container's first process, a shell, that
// they are part of it and no health check.
const roleEnv = "STANDIN_ROLE"

func main() {
	started := time.Now()
	name := filepath.Base(os.Args[0])
	if name == ".standin" && len(os.Args) > 1 && os.Args[1] == "dial" {
		dial(os.Args[2:])
		return
	}
	if name == titled {
		time.Sleep(math.MaxInt64)
	}
	config := readConfig()
	first, err := claim()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		os.Exit(1)
	}
	role := os.Getenv(roleEnv)
	if first {
		role = roleOf(config)
		if err := look.WriteFacts(os.Stdout, look.Measure(config, started)); err != nil {
			os.Exit(1)
		}
	}
	switch {
	case slices.Contains(shells, name):
		os.Exit(shell(name, role))
	case role == "once":
		if first {
			time.Sleep(config.Delay) // a migration takes its time, too
		}
	case role == "" || isCheck(name, os.Args[1:], config):
		os.Exit(check(name, os.Args[1:], role))
	default:
		serve(config)
	}
}

// roleOf says what the first process of a container does: "once" ends, "serve" stays.
func roleOf(c look.Config) string {
	line := strings.Join(os.Args, " ")
	for _, once := range c.Once {
		if strings.HasSuffix(line, once) {
			return "once"
		}
	}
	return "serve"
}

// isCheck tells a health check that a shell of the service itself runs, as it
// waits for somebody, from the service.
func isCheck(name string, args []string, c look.Config) bool {
	if _, ok := answers[name]; ok {
		return true
	}
	return slices.Contains(c.Checks[name], strings.Join(args, " "))
}

func readConfig() (c look.Config) {
	b, err := os.ReadFile("/.standin.json")
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
	}
	return c
}
