package stack

import (
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/compose"
)

// fromCompose returns how a Stack becomes objects: as nagi deploy --dry-run
// shows them.
func fromCompose(opt Options) func(*v1alpha1.Stack) ([]Object, error) {
	return func(st *v1alpha1.Stack) ([]Object, error) {
		p, err := compose.Parse(st.Spec.Compose, st.Spec.Assets)
		if err != nil {
			return nil, fmt.Errorf("read compose text: %w", err)
		}
		objs, err := compose.Objects(p, st.Spec.Assets, compose.ObjectOptions{Namespace: st.Namespace, PlaneImage: opt.PlaneImage, Portable: opt.Portable})
		if err != nil {
			return nil, fmt.Errorf("make objects: %w", err)
		}
		return asObjects(objs), nil
	}
}

func asObjects(objs []compose.Object) []Object {
	all := make([]Object, len(objs))
	for i, o := range objs {
		all[i] = o
	}
	return all
}

// backFromCompose returns how a service goes back to a former file: as the
// rollback_config of the present one says. What several services share comes
// with it.
func backFromCompose(opt Options) func(now, former *v1alpha1.Stack, service string) ([]Object, error) {
	return func(now, former *v1alpha1.Stack, service string) ([]Object, error) {
		present, err := compose.Parse(now.Spec.Compose, now.Spec.Assets)
		if err != nil {
			return nil, fmt.Errorf("read compose text: %w", err)
		}
		p, err := compose.Parse(former.Spec.Compose, former.Spec.Assets)
		if err != nil {
			return nil, fmt.Errorf("read former compose text: %w", err)
		}
		how := map[string]*types.UpdateConfig{}
		for name, s := range present.Services {
			if compose.ObjectName(name) == service && s.Deploy != nil {
				how[name] = s.Deploy.RollbackConfig
			}
		}
		objs, err := compose.Objects(p, former.Spec.Assets, compose.ObjectOptions{Namespace: now.Namespace, PlaneImage: opt.PlaneImage, Portable: opt.Portable, RollingBack: how})
		if err != nil {
			return nil, fmt.Errorf("make former objects: %w", err)
		}
		return asObjects(objs), nil
	}
}
