package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"nagi.dev/compose"
)

// A verdict is what a judge says of one claim.
type verdict string

const (
	honoured verdict = "honoured"
	broken   verdict = "broken"
	unknown  verdict = "unknown" // nothing ran that could show it
)

// A claim is one attribute of one service that the file writes.
type claim struct {
	service   string
	attribute string // "environment", "volumes /data"
	kind      string // the judge's: "volumes"
	judge     judge
}

// A judge looks at one pod of the service, and beyond it if need be.
type judge func(ctx context.Context, o *seen, p pod) verdict

// A judgeOf makes the claims of one attribute of a service.
type judgeOf func(a *application, s types.ServiceConfig) map[string]judge

// judges are all attributes that are judged. What a file writes beside them is
// counted as not judged, for both sides.
var judges = map[string]judgeOf{
	"annotations": annotations, "cap_add": capAdd, "cap_drop": capDrop, "command": command, "configs": configs,
	"container_name": containerName, "cpus": cpus, "depends_on": dependsOn, "deploy": deploys, "dns": dns, "dns_opt": dnsOptions, "dns_search": dnsSearch,
	"entrypoint": command, "env_file": environment, "environment": environment, "expose": expose, "extra_hosts": extraHosts,
	"group_add": groupAdd, "healthcheck": healthcheck, "hostname": hostname, "image": image, "init": initProcess, "labels": labels,
	"mem_limit": memLimit, "mem_reservation": memReservation, "network_mode": networkMode, "networks": networks, "pid": pidMode, "ports": portsOf,
	"privileged": privileged, "read_only": readOnly, "restart": restart, "scale": scale, "secrets": secrets, "security_opt": securityOptions,
	"shm_size": shmSize, "stdin_open": stdinOpen, "stop_grace_period": stopGrace, "sysctls": sysctls, "tmpfs": tmpfs, "tty": tty,
	"ulimits": ulimits, "user": user, "volumes": volumes, "working_dir": workingDir,
}

// claims lists what the file asks for, and counts by attribute what no judge
// looks at.
func (a *application) claims() (all []claim, notJudged map[string]int) {
	notJudged = map[string]int{}
	for _, key := range slices.Sorted(maps.Keys(a.project.Services)) {
		s := a.project.Services[key]
		for _, attribute := range a.written(key) {
			of, ok := judges[attribute]
			if !ok {
				notJudged[attribute]++
				continue
			}
			parts := of(a, s)
			for _, part := range slices.Sorted(maps.Keys(parts)) {
				all = append(all, claim{key, strings.TrimSpace(attribute + " " + part), attribute, parts[part]})
			}
		}
	}
	return all, notJudged
}

// written are the attributes that the authors' file has for a service; one of
// command and entrypoint, and of environment and env_file, stands for both.
func (a *application) written(service string) []string {
	found := map[string]bool{}
	for _, e := range compose.Check(a.original).Entries {
		rest, ok := strings.CutPrefix(e.Path, "services."+service+".")
		if !ok {
			continue
		}
		attribute := strings.FieldsFunc(rest, func(r rune) bool { return r == '.' || r == '[' })[0]
		found[attribute] = true
	}
	for _, pair := range [][2]string{{"entrypoint", "command"}, {"environment", "env_file"}} {
		if found[pair[0]] {
			delete(found, pair[1])
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// one is the claim of an attribute that has no parts.
func one(j judge) map[string]judge { return map[string]judge{"": j} }

// inside judges by what the stand-in tells; without it nothing is known.
func inside(ok func(p pod) bool) judge {
	return func(_ context.Context, _ *seen, p pod) verdict {
		if p.facts == nil {
			return unknown
		}
		return verdictOf(ok(p))
	}
}

// outside judges by the pod as the API shows it.
func outside(ok func(p pod) bool) judge {
	return func(_ context.Context, _ *seen, p pod) verdict { return verdictOf(ok(p)) }
}

func verdictOf(ok bool) verdict {
	if ok {
		return honoured
	}
	return broken
}

// judge asks the judges. A service without a pod honours nothing that can be
// seen: it is unknown.
func (o *seen) judge(ctx context.Context, claims []claim) []verdict {
	out := make([]verdict, len(claims))
	for i, c := range claims {
		pods := o.pods[c.service]
		if len(pods) == 0 {
			out[i] = unknown
			continue
		}
		out[i] = c.judge(ctx, o, pods[0])
	}
	return out
}
