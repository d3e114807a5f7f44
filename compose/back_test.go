package compose

import (
	"slices"
	"strings"
	"testing"

	"nagi.dev/api/v1alpha1"
)

func specOf(text string, assets ...string) v1alpha1.StackSpec {
	spec := v1alpha1.StackSpec{Compose: "name: shop\n" + text}
	for _, a := range assets {
		key, object, _ := strings.Cut(a, "=")
		spec.Assets = append(spec.Assets, v1alpha1.Asset{Key: key, Kind: "ConfigMap", Objects: []v1alpha1.AssetObject{{Name: object}}})
	}
	return spec
}

func TestBack(t *testing.T) {
	for _, tt := range []struct {
		name     string
		now, was v1alpha1.StackSpec
		has      []string // of the text
		assets   []string
		err      string
	}{
		{
			"one service goes back, the others stay",
			specOf("services: {web: {image: nginx:2}, db: {image: pg:2}}"),
			specOf("services: {web: {image: nginx:1}, db: {image: pg:1}}"),
			[]string{"nginx:1", "pg:2"},
			nil, "",
		},
		{
			"a service that left the file comes back with its volume",
			specOf("services: {db: {image: pg:2}}"),
			specOf("services: {web: {image: nginx:1, volumes: ['data:/d']}}\nvolumes: {data: {}}"),
			[]string{"nginx:1", "pg:2", "data:"},
			nil, "",
		},
		{
			"its files come with it",
			specOf("services: {web: {image: nginx:2, configs: [c]}, db: {image: pg:2}}\nconfigs: {c: {file: ./c}}", "bind/db/0=db2", "bind/web/0=web2", "config/c=c2"),
			specOf("services: {web: {image: nginx:1, configs: [c]}}\nconfigs: {c: {file: ./c}}", "bind/web/1=web1", "config/c=c1"),
			[]string{"nginx:1"},
			[]string{"bind/db/0=db2", "bind/web/1=web1", "config/c=c1"},
			"",
		},
		{
			"a config that another service uses and that has changed is refused",
			specOf("services: {web: {image: nginx:2, configs: [c]}, db: {image: pg:2, configs: [c]}}\nconfigs: {c: {file: ./c}}", "config/c=c2"),
			specOf("services: {web: {image: nginx:1, configs: [c]}}\nconfigs: {c: {file: ./c}}", "config/c=c1"),
			nil, nil, "config c has changed since, and another service uses it; go back with the whole stack",
		},
		{
			"a job stays a job",
			specOf("services: {web: {image: nginx:2}}\njobs: {tick: {image: busybox:2, triggers: {manual: true}}}"),
			specOf("services: {web: {image: nginx:1}}"),
			[]string{"nginx:1", "jobs:\n  tick:", "manual: true"}, nil, "",
		},
		{
			"a service that was not there is refused",
			specOf("services: {web: {image: nginx:2}}"),
			specOf("services: {db: {image: pg:1}}"),
			nil, nil, "service web: there was none",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Back(tt.now, tt.was, "web")
			if err != nil || tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("err = %v, want %s", err, tt.err)
				}
				return
			}
			for _, h := range tt.has {
				if !strings.Contains(got.Compose, h) {
					t.Errorf("%q is not in\n%s", h, got.Compose)
				}
			}
			var assets []string
			for _, a := range got.Assets {
				assets = append(assets, a.Key+"="+a.Objects[0].Name)
			}
			if !slices.Equal(assets, tt.assets) {
				t.Errorf("assets %q, want %q", assets, tt.assets)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	was := specOf("services: {web: {image: nginx:1}, db: {image: pg}, old: {image: x}}", "config/c=c1")
	now := specOf("services: {web: {image: nginx:2}, db: {image: pg}, new: {image: x}}", "config/c=c2")
	got, err := Changes(was, now)
	if err != nil || !slices.Equal(got, []string{"+new", "web", "-old", "files"}) {
		t.Errorf("Changes = %q, %v", got, err)
	}
	if got, err := Changes(now, now); err != nil || len(got) > 0 {
		t.Errorf("Changes of nothing = %q, %v", got, err)
	}
}
