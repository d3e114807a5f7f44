package stack

import (
	"fmt"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
)

// fromCompose returns how a Stack becomes objects: as nagi deploy --dry-run
// shows them.
func fromCompose(planeImage string) func(*v1alpha1.Stack) ([]Object, error) {
	return func(st *v1alpha1.Stack) ([]Object, error) {
		p, err := compose.Parse(st.Spec.Compose, st.Spec.Assets)
		if err != nil {
			return nil, fmt.Errorf("read compose text: %w", err)
		}
		objs, err := compose.Objects(p, st.Spec.Assets, compose.ObjectOptions{Namespace: st.Namespace, PlaneImage: planeImage})
		if err != nil {
			return nil, fmt.Errorf("make objects: %w", err)
		}
		all := make([]Object, len(objs))
		for i, o := range objs {
			all[i] = o
		}
		return all, nil
	}
}
