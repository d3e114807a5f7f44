package image

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxDepth bounds indexes within indexes.
const maxDepth = 4

// oci reads an OCI layout.
func (c contents) oci() (Archive, error) {
	a := Archive{Format: "oci"}
	var index v1.IndexManifest
	if err := c.decode("index.json", &index); err != nil {
		return a, err
	}
	others := map[string]bool{}
	for _, d := range index.Manifests {
		found, err := c.descriptor(d, others, 0)
		if err != nil {
			return a, err
		}
		for _, f := range found {
			f.Names = fullNames(cmp.Or(d.Annotations["io.containerd.image.name"], d.Annotations["org.opencontainers.image.ref.name"]))
			a.add(f)
		}
	}
	return a, a.check(others)
}

// descriptor follows d to the images for this architecture. The platforms of
// all others are put into others.
func (c contents) descriptor(d v1.Descriptor, others map[string]bool, depth int) ([]Found, error) {
	if d.Platform != nil && !fits(*d.Platform, others) {
		return nil, nil
	}
	if !d.MediaType.IsIndex() {
		return c.manifest(d, others)
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("read index %s: more than %d indexes in one another", d.Digest, maxDepth)
	}
	var index v1.IndexManifest
	if err := c.decode(blob(d.Digest), &index); err != nil {
		return nil, err
	}
	var all []Found
	for _, sub := range index.Manifests {
		found, err := c.descriptor(sub, others, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (c contents) manifest(d v1.Descriptor, others map[string]bool) ([]Found, error) {
	var m v1.Manifest
	if err := c.decode(blob(d.Digest), &m); err != nil {
		return nil, err
	}
	var config v1.ConfigFile
	if err := c.decode(blob(m.Config.Digest), &config); err != nil {
		return nil, err
	}
	if !fits(v1.Platform{OS: config.OS, Architecture: config.Architecture}, others) {
		return nil, nil
	}
	f := Found{Digest: d.Digest.String(), Layers: len(m.Layers)}
	for _, l := range m.Layers {
		size, ok := c.sizes[blob(l.Digest)]
		if !ok {
			return nil, fmt.Errorf("read image %s: its layer %s is not in the archive", d.Digest, l.Digest)
		}
		f.Size += size
	}
	return []Found{f}, nil
}

// docker reads the output of docker save.
func (c contents) docker() (Archive, error) {
	a := Archive{Format: "docker"}
	var entries []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := c.decode("manifest.json", &entries); err != nil {
		return a, err
	}
	others := map[string]bool{}
	for _, e := range entries {
		var config v1.ConfigFile
		if err := c.decode(e.Config, &config); err != nil {
			return a, err
		}
		f := Found{Names: fullNames(e.RepoTags...), Layers: len(e.Layers)}
		for _, l := range e.Layers {
			size, ok := c.sizes[l]
			if !ok {
				return a, fmt.Errorf("read image %s: its layer %s is not in the archive", strings.Join(e.RepoTags, ", "), l)
			}
			f.Size += size
		}
		if fits(v1.Platform{OS: config.OS, Architecture: config.Architecture}, others) {
			a.add(f)
		}
	}
	return a, a.check(others)
}

// add adds an image, or the names of one that is there already.
func (a *Archive) add(f Found) {
	for i := range a.Images {
		if a.Images[i].Digest == f.Digest && f.Digest != "" {
			a.Images[i].Names = append(a.Images[i].Names, f.Names...)
			return
		}
	}
	a.Images = append(a.Images, f)
}

// check refuses an archive without an image for this machine.
func (a *Archive) check(others map[string]bool) error {
	if len(a.Images) > 0 {
		return nil
	}
	if len(others) == 0 {
		return fmt.Errorf("read archive: it holds no image")
	}
	var all []string
	for p := range others {
		all = append(all, p)
	}
	slices.Sort(all)
	return fmt.Errorf("read archive: its images are for %s; this machine needs linux/%s", strings.Join(all, ", "), runtime.GOARCH)
}

// fits tells whether p runs here, and otherwise notes it in others. What is
// not said fits; "unknown" marks attestations, which are no images.
func fits(p v1.Platform, others map[string]bool) bool {
	if p.OS == "unknown" {
		return false
	}
	if (p.OS == "" || p.OS == "linux") && (p.Architecture == "" || p.Architecture == runtime.GOARCH) {
		return true
	}
	others[cmp.Or(p.OS, "linux")+"/"+p.Architecture] = true
	return false
}

func (c contents) decode(name string, v any) error {
	data, ok := c.documents[name]
	if !ok {
		return fmt.Errorf("read archive: %s is missing or no JSON", name)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func blob(d v1.Hash) string { return "blobs/" + d.Algorithm + "/" + d.Hex }

// fullNames writes names as containerd keeps them. A bare tag, as some
// builders leave it in an OCI layout, is no name.
func fullNames(names ...string) []string {
	var all []string
	for _, n := range names {
		if !strings.ContainsAny(n, ":/@") {
			continue
		}
		ref, err := name.ParseReference(n)
		if err != nil {
			continue
		}
		all = append(all, strings.Replace(ref.Name(), "index.docker.io/", "docker.io/", 1))
	}
	return all
}
