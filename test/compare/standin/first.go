package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// claim makes this process the container's first, unless there is one: a
// socket without a file holds the place, by the container's mounts, so that
// containers of one pod do not meet. A shell hands it to its children.
func claim() (first bool, err error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return false, fmt.Errorf("claim container: %w", err)
	}
	err = unix.Bind(fd, address("first"))
	if errors.Is(err, unix.EADDRINUSE) {
		return false, unix.Close(fd)
	}
	if err != nil {
		return false, fmt.Errorf("claim container: %w", err)
	}
	return true, nil
}

func address(what string) *unix.SockaddrUnix {
	ns, _ := os.Readlink("/proc/self/ns/mnt") // empty: one container a pod at least
	return &unix.SockaddrUnix{Name: "@standin-" + what + "-" + ns}
}

// announce says inside of the container that the service answers.
func announce() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, address("open")); err != nil {
		return err
	}
	return unix.Listen(fd, 128)
}

// answering says whether the service does.
func answering() bool {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	return unix.Connect(fd, address("open")) == nil
}
