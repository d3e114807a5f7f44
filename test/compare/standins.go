package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"nagi.dev/internal/archive"
	"nagi.dev/internal/assemble"
	"nagi.dev/test/compare/look"
)

// startUp is how long a stand-in takes until it answers, or ends. Without it
// nobody could see who waits for whom.
const startUp = 2 * time.Second

// wordsFolder holds names for the stand-in; it is searched last, so that
// busybox' own commands stay themselves.
const wordsFolder = "usr/local/words"

// asking are programs that only ever ask; they come before busybox' own.
var asking = []string{"curl", "wget", "nc"}

// users are names that images of well-known applications bring.
var users = []assemble.User{
	{Name: "node", ID: 1000, Home: "/home/node"},
	{Name: "mastodon", ID: 991, Home: "/opt/mastodon"},
	{Name: "postgres", ID: 70, Home: "/var/lib/postgresql"},
	{Name: "redis", ID: 999, Home: "/data"},
	{Name: "grafana", ID: 472, Home: "/usr/share/grafana"},
	{Name: "nginx", ID: 101, Home: "/nonexistent"},
}

// runsAs are users that well-known images run as, by a part of their name.
var runsAs = map[string]string{
	"grafana": "472", "prometheus": "65534", "elasticsearch": "1000", "kibana": "1000", "logstash": "1000", "opensearch": "1000",
	"memcached": "11211", "n8n": "1000", "mastodon": "991", "jaeger": "10001", "opentelemetry-collector": "10001", "gotenberg": "1001", "kafka": "1000",
}

// keeps are folders that well-known images declare as volumes.
var keeps = map[string]string{
	"postgres": "/var/lib/postgresql/data", "mysql": "/var/lib/mysql", "mariadb": "/var/lib/mysql", "redis": "/data", "valkey": "/data",
	"mongo": "/data/db", "wordpress": "/var/www/html", "nextcloud": "/var/www/html", "rabbitmq": "/var/lib/rabbitmq", "clickhouse": "/var/lib/clickhouse",
}

// makeImages leaves one archive an image in folder and returns their files.
func (a *application) makeImages(ctx context.Context, o options, folder string) ([]string, error) {
	base := assemble.Busybox()
	base.Name = "base"
	base.Packages = append(slices.Clone(base.Packages), "bash-static")
	base.Without = append(slices.Clone(base.Without), "debianutils", "login*", "lib*", "zlib*")
	base.Users = append(slices.Clone(base.Users), users...)
	busyboxOnly := base.Finish
	base.Finish = func(t assemble.Tree) error {
		bash := t["usr/bin/bash-static"]
		if err := busyboxOnly(t); err != nil {
			return err
		}
		t["bin/bash-static"] = bash
		return nil
	}
	base.Programs = map[string]assemble.Program{".standin": {Dir: ".", Package: "./test/compare/standin"}}
	base.Files = maps.Clone(base.Files)
	for _, sh := range []string{"bin/sh", "bin/bash", "bin/ash", "bin/dash", "usr/bin/bash", "usr/bin/sh"} {
		base.Files[sh] = assemble.Link("/.standin")
	}
	for _, program := range asking {
		base.Files["usr/local/bin/"+program] = assemble.Link("/.standin")
	}
	var recipes []assemble.Recipe
	var files []string
	for i, image := range slices.Compact(slices.Sorted(maps.Values(a.images))) {
		r, err := a.recipe(image)
		if err != nil {
			return nil, err
		}
		r.Name, r.On = fmt.Sprintf("image-%d", i), &base
		recipes, files = append(recipes, r), append(files, path.Join(folder, r.Name+".tar"))
	}
	err := assemble.Build(ctx, assemble.Options{Out: folder, Cache: o.cache, Project: o.project}, recipes...)
	return files, err
}

// recipe is the stand-in of one image, for all services that use it.
func (a *application) recipe(image string) (assemble.Recipe, error) {
	config := look.Config{Image: image, Delay: startUp, Checks: map[string][]string{}}
	files := map[string]archive.File{}
	for key, s := range a.project.Services {
		if a.images[key] != image {
			continue
		}
		config.Ports = append(config.Ports, ports(a.project.Project, s)...)
		config.Paths = append(config.Paths, toldPaths(s)...)
		config.Sysctls = slices.AppendSeq(config.Sysctls, maps.Keys(s.Sysctls))
		if endsByItself(a.project.Project, s) {
			config.Once = append(config.Once, onceLine(s))
		}
		addChecks(config.Checks, s)
		names, paths := programs(s)
		for _, n := range names {
			files[wordsFolder+"/"+n] = assemble.Link("/.standin")
		}
		for _, p := range paths {
			files[strings.TrimPrefix(path.Clean(p), "/")] = assemble.Link("/.standin")
		}
	}
	slices.Sort(config.Ports)
	config.Ports = slices.Compact(config.Ports)
	text, err := json.Marshal(config)
	if err != nil {
		return assemble.Recipe{}, fmt.Errorf("describe stand-in: %w", err)
	}
	files[".standin.json"] = assemble.Text(string(text))
	return assemble.Recipe{Names: []string{fullName(image)}, Files: files, Config: imageConfig(image)}, nil
}

func imageConfig(image string) v1.Config {
	c := v1.Config{
		Env:        []string{"PATH=" + assemble.Path + ":/" + wordsFolder},
		Entrypoint: []string{"/.standin", "serve"},
	}
	base := path.Base(strings.Split(strings.Split(image, "@")[0], ":")[0])
	for part, user := range runsAs {
		if strings.Contains(base, part) && !strings.Contains(base, "exporter") {
			c.User = user
		}
	}
	for part, folder := range keeps {
		if strings.Contains(base, part) {
			c.Volumes = map[string]struct{}{folder: {}}
		}
	}
	return c
}

// toldPaths are the places in a container of which the file says something.
func toldPaths(s types.ServiceConfig) []string {
	var out []string
	for _, v := range s.Volumes {
		out = append(out, v.Target)
	}
	for _, f := range s.Secrets {
		out = append(out, secretTarget(f))
	}
	for _, f := range s.Configs {
		out = append(out, configTarget(f))
	}
	return out
}

// endsByItself says whether a service is one that does its work and ends.
func endsByItself(p *types.Project, s types.ServiceConfig) bool {
	for _, other := range p.Services {
		if d, ok := other.DependsOn[s.Name]; ok && d.Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	quiet := len(s.Ports) == 0 && len(s.Expose) == 0 && s.HealthCheck == nil
	once := s.Restart == types.RestartPolicyNo || strings.HasPrefix(s.Restart, types.RestartPolicyOnFailure)
	if s.Restart == "" && s.Deploy != nil && s.Deploy.RestartPolicy != nil {
		once = s.Deploy.RestartPolicy.Condition == "none" || s.Deploy.RestartPolicy.Condition == types.RestartPolicyOnFailure
	}
	return quiet && once
}

// onceLine is how the command line of such a service ends.
func onceLine(s types.ServiceConfig) string {
	if line := strings.Join(slices.Concat(s.Entrypoint, s.Command), " "); line != "" {
		return line
	}
	return "serve"
}

func addChecks(checks map[string][]string, s types.ServiceConfig) {
	if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 {
		return
	}
	words := s.HealthCheck.Test[1:]
	if s.HealthCheck.Test[0] == "CMD-SHELL" {
		words = strings.Fields(words[0])
	}
	if len(words) > 0 {
		name := path.Base(words[0])
		checks[name] = append(checks[name], strings.Join(words[1:], " "))
	}
}

func secretTarget(f types.ServiceSecretConfig) string {
	if t := f.Target; strings.HasPrefix(t, "/") {
		return t
	} else if t != "" {
		return "/run/secrets/" + t
	}
	return "/run/secrets/" + f.Source
}

func configTarget(f types.ServiceConfigObjConfig) string {
	if f.Target != "" {
		return f.Target
	}
	return "/" + f.Source
}
