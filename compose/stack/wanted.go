package stack

import (
	"fmt"
	"maps"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
)

// A translator turns Stacks into objects. It keeps the last answer for each
// Stack: the file is read once a generation, not once a pod.
type translator struct {
	objects func(*v1alpha1.Stack) ([]Object, error)
	back    func(now, former *v1alpha1.Stack, service string) ([]Object, error)

	mu    sync.Mutex
	last  map[types.NamespacedName]translation
	named map[types.NamespacedName]map[types.UID]map[Ref]bool // assets of each kept revision
}

type translation struct {
	uid        types.UID
	generation int64
	wanted     []*unstructured.Unstructured
	err        error
	dropped    map[Ref][]string // of wanted, what the server does not keep
	former     map[string][]*unstructured.Unstructured
}

// wanted returns the objects of st with our marks, in the order to apply.
// They are shared: who changes one copies it first.
func (t *translator) wanted(st *v1alpha1.Stack) ([]*unstructured.Unstructured, error) {
	key := keyOf(st)
	t.mu.Lock()
	got, ok := t.last[key]
	t.mu.Unlock()
	if ok && got.uid == st.UID && got.generation == st.Generation {
		return got.wanted, got.err
	}
	got = translation{uid: st.UID, generation: st.Generation}
	got.wanted, got.err = t.translate(st)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[types.NamespacedName]translation{}
	}
	t.last[key] = got
	return got.wanted, got.err
}

// dropped returns the fields of st's objects that the server does not keep.
func (t *translator) dropped(key types.NamespacedName) map[Ref][]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.last[key].dropped)
}

// learn remembers the fields that the server did not keep of the object ref.
func (t *translator) learn(key types.NamespacedName, ref Ref, fields []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if got := t.last[key]; len(fields) > 0 {
		if got.dropped == nil {
			got.dropped = map[Ref][]string{}
		}
		got.dropped[ref] = fields
		t.last[key] = got
	}
}

// forget drops what is kept for a Stack that has gone.
func (t *translator) forget(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, key)
	delete(t.named, key)
}

func (t *translator) translate(st *v1alpha1.Stack) ([]*unstructured.Unstructured, error) {
	objs, err := t.objects(st)
	if err != nil {
		return nil, err
	}
	return markedAll(st, objs)
}

// markedAll returns objs as the stack's own.
func markedAll(st *v1alpha1.Stack, objs []Object) ([]*unstructured.Unstructured, error) {
	all := make([]*unstructured.Unstructured, 0, len(objs))
	for _, o := range objs {
		u, err := marked(st, o)
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

// marked returns o as the stack's own. Volumes get no owner: they outlive it.
func marked(st *v1alpha1.Stack, o Object) (*unstructured.Unstructured, error) {
	u, err := kube.Unstructured(o)
	if err != nil {
		return nil, err
	}
	switch u.GetNamespace() {
	case "", st.Namespace:
		u.SetNamespace(st.Namespace)
	default:
		return nil, fmt.Errorf("%s lies in namespace %s, the stack in %s", refOf(u), u.GetNamespace(), st.Namespace)
	}
	if got := u.GetLabels()[v1alpha1.StackLabel]; got != st.Name {
		return nil, fmt.Errorf("the file is of the project %q, the stack is called %q; they must be the same", got, st.Name)
	}
	if u.GetKind() != claim {
		u.SetOwnerReferences([]metav1.OwnerReference{ownerRef(st)})
	}
	return u, nil
}

func keyOf(st *v1alpha1.Stack) types.NamespacedName {
	return types.NamespacedName{Namespace: st.Namespace, Name: st.Name}
}
