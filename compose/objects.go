package compose

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/version"
)

// Object is any Kubernetes object.
type Object interface {
	metav1.Object
	runtime.Object
}

// ObjectOptions says where the objects of a project go. All fields may be
// left out.
type ObjectOptions struct {
	Namespace  string // default: the project's name
	PlaneImage string // holds nagi-plane; default: version.PlaneImage()
	Portable   bool   // for any cluster: nagi-plane comes into pods without a mount of its image

	// RollingBack names the services that come back to this file from a later
	// one, and how: the rollback_config of the later one.
	RollingBack map[string]*types.UpdateConfig
}

// Objects returns what should exist for the project, in the order in which it
// should be applied. The project and the assets are only read; equal input
// gives equal objects. Every fault is reported at once.
func Objects(p *types.Project, assets []v1alpha1.Asset, o ObjectOptions) ([]Object, error) {
	m := newMaker(p, assets, o)
	objs := slices.Concat(m.access(), m.claims(), m.walls(), m.services(), m.workloads())
	m.refuseTwins(objs)
	if err := errors.Join(m.errs...); err != nil {
		return nil, err
	}
	return objs, nil
}

// A maker holds what all objects of a project are made from.
type maker struct {
	project   *types.Project
	stack     string // value of the stack label
	namespace string
	plane     string // image of nagi-plane
	portable  bool
	assets    map[string]v1alpha1.Asset

	rollingBack map[string]*types.UpdateConfig

	names   map[string]string   // object name of each service
	hosts   map[string]string   // the service in whose pod each one runs
	awaited map[string]bool     // services whose end another one waits for
	aliases map[string][]string // services behind each alias, by the alias' object name
	hashes  map[string]string   // of the pod templates made so far
	errs    []error
}

func newMaker(p *types.Project, assets []v1alpha1.Asset, o ObjectOptions) *maker {
	p = prepare(p)
	m := &maker{
		project:   p,
		stack:     ObjectName(p.Name),
		namespace: cmp.Or(o.Namespace, ObjectName(p.Name)),
		plane:     cmp.Or(o.PlaneImage, version.PlaneImage()),
		portable:  o.Portable,
		assets:    map[string]v1alpha1.Asset{},
		hashes:    map[string]string{},

		rollingBack: o.RollingBack,
	}
	for _, a := range assets {
		m.assets[a.Key] = a
	}
	m.names, m.hosts = m.serviceNames(), podHosts(p)
	m.awaited = awaitedServices(p)
	m.aliases = m.collectAliases()
	return m
}

// fault notes what is wrong with the attribute at path.
func (m *maker) fault(path, format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...)))
}

// serviceKeys returns the names of the project's services, sorted.
func (m *maker) serviceKeys() []string {
	return slices.Sorted(maps.Keys(m.project.Services))
}

// meta returns the metadata of one object; service is the object name of the
// service it belongs to, "" for what belongs to all.
func (m *maker) meta(name, service string) metav1.ObjectMeta {
	labels := map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedBy,
		v1alpha1.StackLabel:     m.stack,
	}
	if service != "" {
		labels[v1alpha1.ServiceLabel] = service
	}
	return metav1.ObjectMeta{Name: name, Namespace: m.namespace, Labels: labels}
}

// podSelector returns the labels by which the pods of a service are found.
func (m *maker) podSelector(service string) map[string]string {
	if !m.hasPod(service) {
		return map[string]string{v1alpha1.StackLabel: m.stack, v1alpha1.JoinedPrefix + m.names[service]: ""}
	}
	return map[string]string{v1alpha1.StackLabel: m.stack, v1alpha1.ServiceLabel: m.names[service]}
}

// typeMeta returns the kind of an object: "apps/v1", "Deployment".
func typeMeta(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}
