package compose

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"nagi.dev/api/v1alpha1"
)

// Back returns the file now with one service as it was in an earlier one.
// What the service names comes with it; a config, secret or volume that has
// changed since and that another service uses too is refused.
func Back(now, was v1alpha1.StackSpec, service string) (v1alpha1.StackSpec, error) {
	b := returning{spec: now, wasAssets: was.Assets}
	var err error
	if b.now, err = Parse(now.Compose, now.Assets); err != nil {
		return now, err
	}
	if b.was, err = Parse(was.Compose, was.Assets); err != nil {
		return now, err
	}
	b.service = keyOf(b.was, service)
	if b.service == "" {
		return now, fmt.Errorf("service %s: there was none", service)
	}
	if err := b.takeNamed(); err != nil {
		return now, err
	}
	b.takeAssets()
	b.now.Services[b.service] = b.was.Services[b.service]
	text, err := asWritten(b.now).MarshalYAML()
	if err != nil {
		return now, fmt.Errorf("write stack %s: %w", b.now.Name, err)
	}
	b.spec.Compose = string(text)
	_, err = Parse(b.spec.Compose, b.spec.Assets)
	return b.spec, err
}

// keyOf returns what the file calls the service of an object name; "" when it
// has none.
func keyOf(p *types.Project, service string) string {
	for name := range p.Services {
		if ObjectName(name) == service {
			return name
		}
	}
	return ""
}

// returning is one service on its way back.
type returning struct {
	now, was  *types.Project
	spec      v1alpha1.StackSpec // what becomes of now
	wasAssets []v1alpha1.Asset
	service   string
}

// takeNamed brings the definitions that the service names.
func (b *returning) takeNamed() error {
	s := b.was.Services[b.service]
	if b.now.Configs == nil {
		b.now.Configs = types.Configs{}
	}
	if b.now.Secrets == nil {
		b.now.Secrets = types.Secrets{}
	}
	if b.now.Volumes == nil {
		b.now.Volumes = types.Volumes{}
	}
	if b.now.Networks == nil {
		b.now.Networks = types.Networks{}
	}
	for _, c := range s.Configs {
		if err := takeOne(b, "config", c.Source, b.now.Configs, b.was.Configs); err != nil {
			return err
		}
	}
	for _, c := range s.Secrets {
		if err := takeOne(b, "secret", c.Source, b.now.Secrets, b.was.Secrets); err != nil {
			return err
		}
	}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeVolume && v.Source != "" {
			if err := takeOne(b, "volume", v.Source, b.now.Volumes, b.was.Volumes); err != nil {
				return err
			}
		}
	}
	for name := range s.Networks {
		if _, ok := b.now.Networks[name]; !ok {
			b.now.Networks[name] = b.was.Networks[name]
		}
	}
	return nil
}

// takeOne brings one definition, and what it holds.
func takeOne[T any](b *returning, kind, name string, now, was map[string]T) error {
	have, ok := now[name]
	key := kind + "/" + name
	same := ok && reflect.DeepEqual(have, was[name]) && b.sameAsset(key)
	if ok && !same && b.shared(kind, name) {
		return fmt.Errorf("%s %s has changed since, and another service uses it; go back with the whole stack", kind, name)
	}
	now[name] = was[name]
	return nil
}

// shared tells whether another service names it.
func (b *returning) shared(kind, name string) bool {
	for key, s := range b.now.Services {
		if key != b.service && slices.Contains(namesOfKind(s, kind), name) {
			return true
		}
	}
	return false
}

func namesOfKind(s types.ServiceConfig, kind string) (names []string) {
	switch kind {
	case "config":
		for _, c := range s.Configs {
			names = append(names, c.Source)
		}
	case "secret":
		for _, c := range s.Secrets {
			names = append(names, c.Source)
		}
	case "volume":
		for _, v := range s.Volumes {
			names = append(names, v.Source)
		}
	}
	return names
}

func (b *returning) sameAsset(key string) bool {
	return reflect.DeepEqual(assetOf(b.spec.Assets, key), assetOf(b.wasAssets, key))
}

func assetOf(all []v1alpha1.Asset, key string) *v1alpha1.Asset {
	if i := slices.IndexFunc(all, func(a v1alpha1.Asset) bool { return a.Key == key }); i >= 0 {
		return &all[i]
	}
	return nil
}

// takeAssets brings the files of the service, and of the configs and secrets
// that it names, in place of those it has now.
func (b *returning) takeAssets() {
	s := b.was.Services[b.service]
	mine := map[string]bool{}
	for _, name := range namesOfKind(s, "config") {
		mine["config/"+name] = true
	}
	for _, name := range namesOfKind(s, "secret") {
		mine["secret/"+name] = true
	}
	own := func(a v1alpha1.Asset) bool {
		bind := "bind/" + b.service
		return mine[a.Key] || strings.HasPrefix(a.Key, bind+"/") || strings.HasPrefix(a.Key, bind+"+") // of hooks
	}
	all := map[string]v1alpha1.Asset{}
	for _, a := range b.spec.Assets {
		if !own(a) {
			all[a.Key] = a
		}
	}
	for _, a := range b.wasAssets {
		if own(a) {
			all[a.Key] = a
		}
	}
	b.spec.Assets = nil
	for _, key := range slices.Sorted(maps.Keys(all)) {
		b.spec.Assets = append(b.spec.Assets, all[key])
	}
}

// Changes names the services that differ between two files of a stack, with a
// sign before those that came (+) or went (-); files stands for what only
// differs in the contents of files.
func Changes(was, now v1alpha1.StackSpec) ([]string, error) {
	a, err := Parse(was.Compose, was.Assets)
	if err != nil {
		return nil, err
	}
	b, err := Parse(now.Compose, now.Assets)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(b.Services)) {
		old, ok := a.Services[name]
		switch {
		case !ok:
			all = append(all, "+"+name)
		case !reflect.DeepEqual(old, b.Services[name]):
			all = append(all, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Services)) {
		if _, ok := b.Services[name]; !ok {
			all = append(all, "-"+name)
		}
	}
	if !reflect.DeepEqual(was.Assets, now.Assets) {
		all = append(all, "files")
	}
	return all, nil
}
