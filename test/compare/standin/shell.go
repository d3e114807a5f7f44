package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// shells are the names under which the stand-in becomes a shell.
var shells = []string{"sh", "bash", "ash", "dash"}

// shell becomes bash, which knows what scripts of either kind may ask, with the
// same arguments; it returns only when it cannot. Busybox' own shell prefers
// its own commands to those of PATH.
func shell(name, role string) int {
	args := append([]string{"sh"}, os.Args[1:]...)
	if name == "bash" {
		args[0] = name
	}
	env := os.Environ()
	if role != "" {
		env = append(env, roleEnv+"="+role)
	}
	fmt.Fprintln(os.Stderr, unix.Exec("/bin/bash-static", args, env))
	return 127
}
