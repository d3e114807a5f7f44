package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"nagi.dev/compose"
)

// A side is one way to deploy a compose file.
type side struct {
	name      string
	namespace string
	label     string // on pods: names the service
	deploy    func(ctx context.Context) (said string, err error)
	remove    func(ctx context.Context) error
}

// nagiSide deploys as a person would. What is refused is left out only after
// a first try without leave.
func (s *machine) nagiSide(a *application, r *result) side {
	namespace := compose.ObjectName(a.project.Name)
	command := []string{s.nagi, "deploy", "--timeout", "80s"}
	for _, f := range a.files {
		command = append(command, "-f", f)
	}
	deploy := func(ctx context.Context) (string, error) {
		code, said := s.in(ctx, a.dir, command...)
		if code != 0 && strings.Contains(said, "refused") {
			r.Approximated = true
			code, said = s.in(ctx, a.dir, append(command, "--approximate")...)
		}
		return said, exit(code, said)
	}
	return side{"nagi", namespace, "nagi.dev/service", deploy, func(ctx context.Context) error {
		code, said := s.in(ctx, "/", s.nagi, "kubectl", "delete", "stack", "--all", "-n", namespace, "--timeout=60s")
		if err := exit(code, said); err != nil {
			return err
		}
		return s.removeNamespace(ctx, namespace)
	}}
}

// komposeSide converts and applies. Two things are done for kompose that it
// would not do: walls between networks are asked for, and its pods take the
// images that are there, as there is no registry.
func (s *machine) komposeSide(a *application, kompose, work string) side {
	namespace := "kompose-" + compose.ObjectName(a.project.Name)
	out := filepath.Join(work, "kompose.yaml")
	deploy := func(ctx context.Context) (string, error) {
		command := []string{kompose, "convert", "--generate-network-policies", "--out", out}
		for _, f := range a.files {
			command = append(command, "-f", f)
		}
		code, said := s.in(ctx, a.dir, command...)
		if err := exit(code, said); err != nil {
			return said, fmt.Errorf("kompose convert: %w", err)
		}
		if err := takeImagesFound(out); err != nil {
			return said, err
		}
		code, more := s.in(ctx, a.dir, s.nagi, "kubectl", "create", "namespace", namespace)
		if err := exit(code, more); err != nil {
			return said, err
		}
		code, more = s.in(ctx, a.dir, s.nagi, "kubectl", "apply", "-n", namespace, "-f", out)
		if err := exit(code, more); err != nil {
			return said + more, fmt.Errorf("kubectl apply: %w", err)
		}
		return said + more, nil
	}
	return side{"kompose", namespace, "io.kompose.service", deploy, func(ctx context.Context) error {
		return s.removeNamespace(ctx, namespace)
	}}
}

// exit makes an error of an exit code, with the end of what was printed.
func exit(code int, said string) error {
	if code == 0 {
		return nil
	}
	const most = 1500
	if len(said) > most {
		said = "…" + said[len(said)-most:]
	}
	return fmt.Errorf("exit code %d: %s", code, strings.TrimSpace(said))
}

// takeImagesFound adds a pull policy below every line that names an image.
func takeImagesFound(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		rest := strings.TrimLeft(line, " -")
		indent := len(line) - len(rest)
		if strings.HasPrefix(rest, "imagePullPolicy:") {
			continue
		}
		out.WriteString(line)
		if strings.HasPrefix(rest, "image: ") && indent >= 8 {
			out.WriteString(strings.Repeat(" ", indent) + "imagePullPolicy: IfNotPresent\n")
		}
	}
	return os.WriteFile(name, []byte(out.String()), 0o644)
}

func (s *machine) removeNamespace(ctx context.Context, name string) error {
	code, said := s.in(ctx, "/", s.nagi, "kubectl", "delete", "namespace", name, "--ignore-not-found", "--timeout=60s")
	return exit(code, said)
}
