package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"nagi.dev/api/v1alpha1"
)

// stackFor returns the stack a command is about: the one named, else that of
// this folder, else the only one there is.
func (c cluster) stackFor(ctx context.Context, name, namespace string) (*v1alpha1.Stack, error) {
	stacks, err := c.listStacks(ctx, namespace)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return pick(stacks, name)
	}
	if s, err := pick(stacks, folderProject()); err == nil {
		return s, nil
	}
	switch len(stacks) {
	case 0:
		return nil, fmt.Errorf("there is no stack; nagi deploy makes one")
	case 1:
		return &stacks[0], nil
	}
	var names []string
	for _, s := range stacks {
		names = append(names, s.Name)
	}
	return nil, usage("there are several stacks; name one with -p: %s", strings.Join(names, ", "))
}

func pick(stacks []v1alpha1.Stack, name string) (*v1alpha1.Stack, error) {
	var found *v1alpha1.Stack
	for i := range stacks {
		if stacks[i].Name != name {
			continue
		}
		if found != nil {
			return nil, usage("stack %s stands in several namespaces; name one with -n: %s, %s", name, found.Namespace, stacks[i].Namespace)
		}
		found = &stacks[i]
	}
	if found == nil {
		return nil, fmt.Errorf("stack %s: there is none; nagi ps lists all", name)
	}
	return found, nil
}

// folderProject is the project name that compose gives this folder.
func folderProject() string {
	if name := os.Getenv("COMPOSE_PROJECT_NAME"); name != "" {
		return name
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') || r == '-' || r == '_' {
			return r
		}
		return -1
	}, strings.ToLower(filepath.Base(dir)))
}
