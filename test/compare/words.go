package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// usualPorts are those on which well-known images answer, by a part of their name.
var usualPorts = map[string][]int{
	"postgres": {5432}, "pgvector": {5432}, "redis": {6379}, "valkey": {6379}, "mysql": {3306}, "mariadb": {3306}, "mongo": {27017},
	"nginx": {80}, "httpd": {80}, "wordpress": {80}, "nextcloud": {80}, "rabbitmq": {5672}, "memcached": {11211},
	"clickhouse": {8123, 9000}, "elasticsearch": {9200}, "opensearch": {9200}, "kafka": {9092}, "minio": {9000}, "smtp": {25},
	"grafana": {3000}, "prometheus": {9090}, "jaeger": {16686, 4317}, "gotenberg": {3000}, "tika": {9998}, "pgbouncer": {5432},
}

var localPort = regexp.MustCompile(`(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?:[:/ ](\d{2,5}))?`)

// ports are those on which the service may be asked: what it publishes and
// exposes, what its health check asks, what others call it by, and what its
// image is known for.
func ports(p *types.Project, s types.ServiceConfig) []int {
	found := map[int]bool{}
	add := func(text string) {
		if n, err := strconv.Atoi(text); err == nil && n > 0 && n < 1<<16 {
			found[n] = true
		}
	}
	for _, port := range s.Ports {
		add(strconv.Itoa(int(port.Target)))
	}
	for _, e := range s.Expose {
		number, _, _ := strings.Cut(e, "/")
		add(number)
	}
	if s.HealthCheck != nil {
		for _, m := range localPort.FindAllStringSubmatch(strings.Join(s.HealthCheck.Test, " "), -1) {
			add(m[1])
			if m[1] == "" {
				add("80")
			}
		}
	}
	asked := regexp.MustCompile(`(?:^|[^A-Za-z0-9_.-])` + regexp.QuoteMeta(s.Name) + `:(\d{2,5})\b`)
	for _, other := range p.Services {
		for _, value := range other.Environment {
			if value == nil {
				continue
			}
			for _, m := range asked.FindAllStringSubmatch(*value, -1) {
				add(m[1])
			}
		}
	}
	for part, usual := range usualPorts {
		if strings.Contains(path.Base(strings.Split(s.Image, ":")[0]), part) {
			for _, n := range usual {
				found[n] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

var word = regexp.MustCompile(`[A-Za-z0-9_][A-Za-z0-9_.-]*`)

// programs are the words that the service, its health check and the scripts in
// its folders may call: plain names to be found in PATH, and paths.
func programs(s types.ServiceConfig) (names, paths []string) {
	found := map[string]bool{}
	lines := [][]string{s.Entrypoint, s.Command}
	if s.HealthCheck != nil && len(s.HealthCheck.Test) > 1 {
		lines = append(lines, s.HealthCheck.Test[1:])
	}
	for i, line := range lines {
		if len(line) > 0 && (i != 1 || len(s.Entrypoint) == 0) && strings.HasPrefix(line[0], "/") && !strings.Contains(line[0], " ") {
			paths = append(paths, line[0])
		}
		for _, text := range line {
			for _, w := range word.FindAllString(text, -1) {
				found[w] = true
			}
			paths = append(paths, called(text)...)
		}
	}
	for _, text := range scripts(s) {
		for _, w := range word.FindAllString(text, -1) {
			found[w] = true
		}
		paths = append(paths, called(text)...)
	}
	slices.Sort(paths)
	return slices.Sorted(maps.Keys(found)), outsideOf(s, slices.Compact(paths))
}

var callOf = regexp.MustCompile(`(?m)(?:^|[;&|(]|\b(?:exec|then|do|if|else|until|while|bash|sh)\b)\s*(/[A-Za-z0-9_][A-Za-z0-9_./-]*)`)

// called returns the paths that a script calls as programs.
func called(text string) []string {
	var out []string
	for _, m := range callOf.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// outsideOf leaves out what no image may hold: what is mounted, and the system's.
func outsideOf(s types.ServiceConfig, paths []string) []string {
	return slices.DeleteFunc(paths, func(p string) bool {
		for _, system := range []string{"/dev", "/proc", "/sys", "/tmp", "/bin/sh", "/bin/bash", "/usr/bin/env"} {
			if p == system || strings.HasPrefix(p, system+"/") {
				return true
			}
		}
		for _, v := range s.Volumes {
			if p == v.Target || strings.HasPrefix(p, v.Target+"/") {
				return true
			}
		}
		return false
	})
}

// The most scripts that are read of the folders of one service, and how long each may be.
const (
	mostScripts  = 100
	longestText  = 64 << 10
	mostVisiting = 5000
)

// scripts returns the texts below the bound folders that begin with "#!".
func scripts(s types.ServiceConfig) []string {
	var out []string
	visited := 0
	for _, v := range s.Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		_ = filepath.WalkDir(v.Source, func(p string, d fs.DirEntry, err error) error { // missing: no scripts
			if visited++; err != nil || visited > mostVisiting || len(out) > mostScripts {
				return fs.SkipAll
			}
			if info, err := d.Info(); err == nil && info.Mode().IsRegular() && info.Size() < longestText {
				if b, err := os.ReadFile(p); err == nil && bytes.HasPrefix(b, []byte("#!")) {
					out = append(out, string(b))
				}
			}
			return nil
		})
	}
	return out
}
