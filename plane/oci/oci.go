package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Program is the name under which containerd calls this package: the file of
// nagi-plane, linked beside runc.
const Program = "nagi-runc"

// Main is the whole life of the process. It ends as runc, which lies beside
// it, and returns only an error.
func Main(argv []string) error {
	if err := prepare(argv[1:], thisHost()); err != nil {
		note(parseCall(argv[1:]).log, err)
		return err
	}
	runc := filepath.Join(filepath.Dir(argv[0]), "runc")
	if err := syscall.Exec(runc, append([]string{runc}, argv[1:]...), os.Environ()); err != nil {
		return fmt.Errorf("run runc: %w", err)
	}
	return nil
}

// note leaves the reason where containerd looks for those of runc. What cannot
// be written stands on standard error all the same.
func note(file string, reason error) {
	line, err := json.Marshal(map[string]string{"level": "error", "msg": reason.Error()})
	if file == "" || err != nil {
		return
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.Write(append(line, '\n'))
	_ = f.Close()
}

// prepare changes what runc is about to read.
func prepare(args []string, h host) error {
	c := parseCall(args)
	switch c.command {
	case "create", "run":
		return editContainer(c.bundle, h)
	case "exec":
		return editProcess(c)
	}
	return nil
}

// A call is what a command line of runc says.
type call struct {
	command string // "create"
	root    string // where runc keeps what it knows of its containers
	bundle  string
	process string // the file of the process to run, with exec
	log     string // where reasons go
	id      string // of the container: the last word
}

// parseCall reads a command line of runc as containerd writes them.
func parseCall(args []string) call {
	c := call{root: "/run/runc", bundle: "."}
	values := map[string]*string{"--root": &c.root, "--bundle": &c.bundle, "-b": &c.bundle, "--process": &c.process, "-p": &c.process, "--log": &c.log}
	with := []string{"--log-format", "--pid-file", "--console-socket", "--preserve-fds", "--criu"}
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		target := values[name]
		switch {
		case target != nil && joined:
			*target = value
		case target != nil && i+1 < len(args):
			i++
			*target = args[i]
		case slices.Contains(with, name) && !joined:
			i++
		case strings.HasPrefix(name, "-"):
		case c.command == "":
			c.command = args[i]
		default:
			c.id = args[i]
		}
	}
	return c
}

// A tree is JSON of which most is none of our business and must stay.
type tree = map[string]any

// editContainer changes the configuration in a bundle.
func editContainer(bundle string, h host) error {
	file := filepath.Join(bundle, "config.json")
	config, err := read(file)
	if err != nil {
		return err
	}
	s, ok, err := settingsOf(config)
	if err != nil || !ok {
		return err
	}
	rootfs, err := rootOf(config, bundle)
	if err != nil {
		return err
	}
	if err := h.allows(s.Limits); err != nil {
		return err
	}
	if err := s.container(config, rootfs); err != nil {
		return err
	}
	return write(file, config)
}

// editProcess changes a further process of a container, as its first one was.
func editProcess(c call) error {
	if c.process == "" || c.id == "" {
		return nil
	}
	bundle, err := bundleOf(c)
	if err != nil {
		return err
	}
	config, err := read(filepath.Join(bundle, "config.json"))
	if err != nil {
		return err
	}
	s, ok, err := settingsOf(config)
	if err != nil || !ok {
		return err
	}
	rootfs, err := rootOf(config, bundle)
	if err != nil {
		return err
	}
	process, err := read(c.process)
	if err != nil {
		return err
	}
	if err := s.process(process, rootfs); err != nil {
		return err
	}
	return write(c.process, process)
}

// bundleOf finds the bundle of a container that runs.
func bundleOf(c call) (string, error) {
	state, err := read(filepath.Join(c.root, c.id, "state.json"))
	if err != nil {
		return "", err
	}
	config, _ := state["config"].(tree)
	labels, _ := config["labels"].([]any)
	for _, l := range labels {
		if text, ok := l.(string); ok {
			if bundle, ok := strings.CutPrefix(text, "bundle="); ok {
				return bundle, nil
			}
		}
	}
	return "", fmt.Errorf("find bundle of container %s: runc does not say", c.id)
}

// settingsOf returns what the annotations say of the container.
func settingsOf(config tree) (s Settings, ok bool, err error) {
	notes, _ := config["annotations"].(tree)
	name, _ := notes["io.kubernetes.cri.container-name"].(string)
	text, ok := notes[AnnotationPrefix+name].(string)
	if !ok || name == "" {
		return s, false, nil
	}
	s, err = Parse(text)
	return s, true, err
}

func rootOf(config tree, bundle string) (string, error) {
	root, _ := config["root"].(tree)
	name, _ := root["path"].(string)
	if name == "" {
		return "", errors.New("read container: it has no root")
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(bundle, name)
	}
	return name, nil
}

func read(file string) (tree, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read container: %w", err)
	}
	var t tree
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber() // large ones must stay as they are
	if err := d.Decode(&t); err != nil {
		return nil, fmt.Errorf("read container %s: %w", file, err)
	}
	return t, nil
}

func write(file string, t tree) error {
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("write container: %w", err)
	}
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return fmt.Errorf("write container: %w", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("write container: %w", err)
	}
	return nil
}
