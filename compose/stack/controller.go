package stack

import (
	"log/slog"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/kube"
)

// Options of the controller. The zero value is what the platform uses.
type Options struct {
	Log        *slog.Logger // nil: slog.Default
	PlaneImage string       // of nagi-plane; "" means that of this version
	Portable   bool         // the nodes are not ours: no runtime and no mount of images of our own

	objects func(*v1alpha1.Stack) ([]Object, error)
}

// Controller returns the loop that keeps Stacks.
func Controller(o Options) kube.Controller {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.objects == nil {
		o.objects = fromCompose(o)
	}
	return kube.Controller{
		Name:    "stack",
		For:     &v1alpha1.Stack{},
		Watches: watches(),
		Owner:   stackOf,
		New: func(c *kube.Client, record kube.Recorder) kube.Reconcile {
			r := &reconciler{kube: c, record: record, log: o.Log, now: time.Now, translator: &translator{objects: o.objects, back: backFromCompose(o)}}
			return r.reconcile
		},
	}
}

func watches() []kube.Watch {
	all := []kube.Watch{{Object: &corev1.Pod{}, Label: v1alpha1.StackLabel, Trim: trimPod}}
	all = append(all, kube.Watch{Object: &appsv1.ControllerRevision{}, Label: v1alpha1.StackLabel, Metadata: true})
	for _, k := range kept {
		all = append(all, kube.Watch{Object: k.object, Label: v1alpha1.StackLabel, Metadata: k.list == nil, Trim: k.trim})
	}
	return all
}

// stackOf names the Stack whose label o carries.
func stackOf(o Object) (types.NamespacedName, bool) {
	name := o.GetLabels()[v1alpha1.StackLabel]
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: name}, name != ""
}

// trimPod keeps of a pod what explain reads.
func trimPod(o Object) {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return
	}
	p.ManagedFields = nil
	if hash := p.Annotations[v1alpha1.TemplateAnnotation]; hash != "" {
		p.Annotations = map[string]string{v1alpha1.TemplateAnnotation: hash}
	} else {
		p.Annotations = nil
	}
	spec := corev1.PodSpec{NodeName: p.Spec.NodeName}
	for _, c := range p.Spec.InitContainers {
		if c.Name == waiter {
			spec.InitContainers = []corev1.Container{{Name: c.Name, Command: c.Command, Args: c.Args}}
		}
	}
	p.Spec = spec
}
