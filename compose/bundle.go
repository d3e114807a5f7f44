package compose

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nagi.dev/api/v1alpha1"
)

// A Bundle is what `nagi deploy` applies: the Stack, and the objects with the
// files that it names. The files go first.
type Bundle struct {
	Stack      *v1alpha1.Stack
	ConfigMaps []*corev1.ConfigMap
	Secrets    []*corev1.Secret
}

// maxObject bounds the files of one ConfigMap or Secret; only a single file
// may have more.
const maxObject = 900 << 10

// maxCompose is the length of spec.compose that the API accepts.
const maxCompose = 921600

// NewBundle packs a project for a namespace; "" is the project's name.
func NewBundle(p *Project, namespace string) (Bundle, error) {
	if namespace == "" {
		namespace = p.Name
	}
	text, err := p.normalised()
	if err != nil {
		return Bundle{}, err
	}
	b := Bundle{Stack: &v1alpha1.Stack{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Stack"},
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: namespace, Labels: stackLabels(p.Name)},
		Spec:       v1alpha1.StackSpec{Compose: text},
	}}
	for _, a := range p.Assets {
		b.Stack.Spec.Assets = append(b.Stack.Spec.Assets, b.pack(a))
	}
	return b, nil
}

// Objects returns all of the bundle in the order in which to apply it.
func (b Bundle) Objects() []Object {
	var all []Object
	for _, c := range b.ConfigMaps {
		all = append(all, c)
	}
	for _, s := range b.Secrets {
		all = append(all, s)
	}
	return append(all, b.Stack)
}

func stackLabels(stack string) map[string]string {
	return map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.StackLabel: stack}
}

// pack puts the files of an asset into as few objects as hold them.
func (b *Bundle) pack(a Asset) v1alpha1.Asset {
	out := v1alpha1.Asset{Key: a.Key, Kind: "ConfigMap"}
	if a.Secret {
		out.Kind = "Secret"
	}
	var part []AssetFile
	size := 0
	for _, f := range a.Files {
		if len(part) > 0 && size+len(f.Data) > maxObject {
			out.Objects = append(out.Objects, b.object(a, part))
			part, size = nil, 0
		}
		part, size = append(part, f), size+len(f.Data)
	}
	out.Objects = append(out.Objects, b.object(a, part))
	return out
}

// object makes one ConfigMap or Secret and returns what the Stack says of it.
func (b *Bundle) object(a Asset, files []AssetFile) v1alpha1.AssetObject {
	out := v1alpha1.AssetObject{Name: b.objectName(a.Key, files)}
	data := map[string][]byte{}
	for i, f := range files {
		item := v1alpha1.AssetItem{Key: "f" + strconv.Itoa(i), Path: f.Path}
		if f.Mode != 0 {
			item.Mode = new(int32(f.Mode & fs.ModePerm))
		}
		data[item.Key] = f.Data
		out.Items = append(out.Items, item)
	}
	b.keep(a.Secret, metav1.ObjectMeta{Name: out.Name, Namespace: b.Stack.Namespace, Labels: stackLabels(b.Stack.Name)}, data)
	return out
}

// keep adds the object unless the same content is there under the same name.
// Its name holds its content, so that it never changes.
func (b *Bundle) keep(secret bool, meta metav1.ObjectMeta, data map[string][]byte) {
	if secret {
		b.Secrets = append(b.Secrets, &corev1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: meta,
			Immutable: new(true), Type: corev1.SecretTypeOpaque, Data: data,
		})
		return
	}
	c := &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: meta,
		Immutable: new(true), Data: map[string]string{},
	}
	for key, value := range data {
		if utf8.Valid(value) {
			c.Data[key] = string(value)
			continue
		}
		if c.BinaryData == nil {
			c.BinaryData = map[string][]byte{}
		}
		c.BinaryData[key] = value
	}
	b.ConfigMaps = append(b.ConfigMaps, c)
}

// objectName is STACK-SLUG-HASH. The slug is for people.
func (b *Bundle) objectName(key string, files []AssetFile) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", key)
	for _, f := range files {
		fmt.Fprintf(h, "%q %o %d ", f.Path, f.Mode, len(f.Data))
		h.Write(f.Data)
	}
	stem := ObjectName(b.Stack.Name + "-" + key)
	if len(stem) > 52 {
		stem = strings.TrimRight(stem[:52], "-")
	}
	return stem + "-" + hex.EncodeToString(h.Sum(nil))[:10]
}

// normalised returns the compose text of the Stack: one file, everything
// filled in, nothing of the contents of local files.
func (p *Project) normalised() (string, error) {
	bare := *p.Project
	bare.Extensions, bare.Jobs, bare.Models = nil, nil, nil
	bare.Services = types.Services{}
	for name, s := range p.Services {
		if isJob(s) {
			if bare.Jobs == nil {
				bare.Jobs = types.Jobs{}
			}
			bare.Jobs[name] = p.bareJob(s)
			continue
		}
		bare.Services[name] = p.bareService(s)
	}
	bare.Configs = types.Configs{}
	for name, c := range p.Configs {
		bare.Configs[name] = types.ConfigObjConfig(bareObject(name, types.FileObjectConfig(c)))
	}
	bare.Secrets = types.Secrets{}
	for name, c := range p.Secrets {
		bare.Secrets[name] = types.SecretConfig(bareObject(name, types.FileObjectConfig(c)))
	}
	text, err := bare.MarshalYAML()
	if err != nil {
		return "", fmt.Errorf("write stack %s: %w", p.Name, err)
	}
	if len(text) > maxCompose {
		return "", fmt.Errorf("write stack %s: the project is %d KiB once written out; the API takes %d", p.Name, len(text)>>10, maxCompose>>10)
	}
	return string(text), nil
}

// bareService drops what only this machine can use.
func (p *Project) bareService(s types.ServiceConfig) types.ServiceConfig {
	if s.Image == "" && s.Build != nil {
		s.Image = p.buildName(s.Name)
	}
	s.Build, s.Extends, s.Extensions = nil, nil, nil
	if !p.watched {
		s.Develop = nil
	}
	s.EnvFiles, s.LabelFiles = nil, nil
	s.Volumes = p.bareVolumes(s.Volumes)
	hooks := slices.Clone(s.PreStart)
	for i := range hooks {
		hooks[i].Image = cmp.Or(hooks[i].Image, s.Image)
		hooks[i].EnvFiles, hooks[i].LabelFiles = nil, nil
		hooks[i].Volumes = p.bareVolumes(hooks[i].Volumes)
	}
	s.PreStart = hooks
	return s
}

// bareJob does so for a job.
func (p *Project) bareJob(s types.ServiceConfig) types.JobConfig {
	j := serviceJob(s)
	b := p.bareService(s)
	j.ContainerSpec, j.WorkloadSpec = b.ContainerSpec, b.WorkloadSpec
	return j
}

func (p *Project) bareVolumes(volumes []types.ServiceVolumeConfig) []types.ServiceVolumeConfig {
	out := make([]types.ServiceVolumeConfig, len(volumes))
	for i, v := range volumes {
		if v.Type == types.VolumeTypeBind {
			v.Source = p.bareSource(v.Source)
		}
		out[i] = v
	}
	return out
}

// buildName is the image that compose gives to a service it builds.
func (p *Project) buildName(service string) string {
	return p.Name + "-" + ObjectName(service)
}

// bareSource names a bind relative to the project, or as it is when it lies
// outside.
func (p *Project) bareSource(source string) string {
	if rel, err := filepath.Rel(p.WorkingDir, source); err == nil && filepath.IsLocal(rel) {
		return "./" + filepath.ToSlash(rel)
	}
	return source
}

// bareObject says that the content of a config or secret is an asset.
func bareObject(name string, o types.FileObjectConfig) types.FileObjectConfig {
	if !o.External {
		o.File, o.Environment, o.Content = "./"+name, "", ""
	}
	o.Extensions = nil
	return o
}
