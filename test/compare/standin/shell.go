package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// shells are the names under which the stand-in becomes a shell.
var shells = []string{"sh", "bash", "ash", "dash"}

// shell becomes a shell with the same arguments; it returns only when it
// cannot. Scripts that ask for bash get it: busybox knows no arrays.
func shell(name, role string) int {
	program, args := "/bin/busybox", append([]string{"sh"}, os.Args[1:]...)
	if name == "bash" {
		program, args[0] = "/bin/bash-static", "bash"
	}
	env := os.Environ()
	if role != "" {
		env = append(env, roleEnv+"="+role)
	}
	fmt.Fprintln(os.Stderr, unix.Exec(program, args, env))
	return 127
}
