package compose

import (
	"fmt"
	"runtime"
	"strings"
)

// build holds services.*.build.
func (t *rows) build() {
	s := func(names ...string) []string { return under("services.*.build.", names) }
	t.judged(judgeBuildContext, "services.*.build")
	t.judged(judgeBuildContext, s("context")...)
	t.applied(s("dockerfile", "dockerfile_inline", "args.**", "labels.**", "target", "tags.**", "no_cache", "no_cache_filter.**",
		"pull", "shm_size", "extra_hosts.**", "ulimits.**", "secrets.*", "secrets.*.source", "secrets.*.target")...)
	t.approximated("the step that mounts it says who owns it", s("secrets.*.uid", "secrets.*.gid", "secrets.*.mode")...)
	t.judged(judgeNamedContexts, s("additional_contexts.**")...)
	t.judged(judgeCache, s("cache_from.*", "cache_to.*", "cache_from", "cache_to")...)
	t.judged(judgeBuildNetwork, s("network")...)
	t.judged(judgePlatform, s("platforms.*")...)
	t.judged(judgeEntitlement, s("entitlements.*")...)
	t.judged(judgePrivilegedBuild, s("privileged")...)
	t.judged(judgeAttestation, s("provenance", "sbom")...)
	t.judged(judgeRuntime, s("isolation")...)
	t.refused(`keys of an SSH agent are not given to builds; use a secret with "file" or "environment"`, s("ssh.**")...)
}

// judgeBuildContext looks at the folder of a build.
func judgeBuildContext(a attribute) (Verdict, string) {
	if remote(a.text) {
		return Refused, "only folders of this machine are built; clone it and write its folder"
	}
	return Applied, ""
}

// remote tells an address from a folder.
func remote(where string) bool {
	return strings.Contains(where, "://") || strings.HasPrefix(where, "git@") || strings.HasPrefix(where, "github.com/")
}

func judgeNamedContexts(a attribute) (Verdict, string) {
	if a.service.Build == nil {
		return Applied, ""
	}
	for name, where := range a.service.Build.AdditionalContexts {
		if remote(where) && !strings.HasPrefix(where, "docker-image://") {
			return Refused, fmt.Sprintf("%s=%s: only folders, service: and docker-image:// are taken", name, where)
		}
		if strings.HasPrefix(where, "service:") && a.service.Build.Pull {
			return Refused, `"pull" asks registries for every image, and no registry has those built here; remove it, or service:`
		}
	}
	return Applied, ""
}

// judgeCache looks at a place to keep what was built.
func judgeCache(a attribute) (Verdict, string) {
	switch cacheFields(a.text)["type"] {
	case "local", "inline":
		return Applied, ""
	}
	return Approximated, "not used: the builder of this machine keeps a cache of its own"
}

func judgeBuildNetwork(a attribute) (Verdict, string) {
	switch a.text {
	case "", "none", "host", "default", "bridge":
		return Applied, ""
	}
	return Approximated, "steps reach what is outside, not the services of the stack"
}

func judgePlatform(a attribute) (Verdict, string) {
	parts := strings.Split(a.text, "/")
	if len(parts) > 1 && parts[0] == "linux" && parts[1] == runtime.GOARCH {
		return Applied, ""
	}
	return Refused, fmt.Sprintf("only images for linux/%s, which is this machine, are built; remove it", runtime.GOARCH)
}

func judgeEntitlement(a attribute) (Verdict, string) {
	if a.text == "network.host" {
		return Applied, ""
	}
	return Refused, "build steps do not get the machine; remove it"
}

func judgePrivilegedBuild(a attribute) (Verdict, string) {
	if !truthy(a.text) {
		return Applied, ""
	}
	return Refused, "build steps do not get the machine; remove it"
}

func judgeAttestation(a attribute) (Verdict, string) {
	if a.text == "false" || a.text == "" {
		return Applied, ""
	}
	return Approximated, "no attestation is attached to the image"
}
