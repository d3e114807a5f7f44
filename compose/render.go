package compose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"sigs.k8s.io/yaml"
)

// kindOrder is the order in which kinds are printed; a kind not named here
// comes last.
var kindOrder = []string{
	"Namespace", "ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret", "PersistentVolumeClaim",
	"NetworkPolicy", "Service", kindDeployment, kindDaemonSet, kindJob, kindCronJob,
}

// Render prints the objects as YAML documents, by kind, without what only a
// server knows. Workloads keep their order among themselves.
func Render(w io.Writer, objs []Object) error {
	sorted := slices.Clone(objs)
	slices.SortStableFunc(sorted, func(a, b Object) int { return rank(a) - rank(b) })
	for i, o := range sorted {
		text, err := renderObject(o)
		if err != nil {
			return fmt.Errorf("render %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
		}
		if i > 0 {
			text = append([]byte("---\n"), text...)
		}
		if _, err := w.Write(text); err != nil {
			return fmt.Errorf("write objects: %w", err)
		}
	}
	return nil
}

// rank returns the place of an object's kind; all workloads share one.
func rank(o Object) int {
	kind := o.GetObjectKind().GroupVersionKind().Kind
	switch i := slices.Index(kindOrder, kind); {
	case i < 0:
		return len(kindOrder)
	default:
		return min(i, slices.Index(kindOrder, kindDeployment))
	}
}

func renderObject(o Object) ([]byte, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	delete(tree, "status")
	strip(tree)
	if text, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(escapeControls(text))
}

// escapeControls escapes what JSON may hold as it is and YAML may not.
func escapeControls(text []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(text) {
		if 0x7f <= r && r <= 0x9f || r == 0xfffe || r == 0xffff {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

// strip takes out creation times that were never set and sections that are
// empty only because Go writes them.
func strip(tree map[string]any) {
	for key, value := range tree {
		section, ok := value.(map[string]any)
		switch {
		case key == "creationTimestamp" && value == nil:
			delete(tree, key)
		case ok && len(section) == 0 && (key == "resources" || key == "strategy" || key == "updateStrategy"):
			delete(tree, key)
		case ok:
			strip(section)
		}
		if list, ok := value.([]any); ok {
			for _, item := range list {
				if section, ok := item.(map[string]any); ok {
					strip(section)
				}
			}
		}
	}
}
