package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"

	"nagi.dev/test/compare/look"
)

// The judges of this file connect, and look at the clock.

// portsOf makes two claims of a port: the machine answers where it is
// published, and other services reach it by the service's name.
func portsOf(a *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for _, port := range s.Ports {
		name := itoa(port.Target)
		if port.Protocol == "udp" {
			out[name+"/udp"] = unseen // stand-ins speak TCP
			continue
		}
		if port.Published != "" && !strings.Contains(port.Published, "-") {
			out[name+" published"] = published(port)
		}
		out[name+" by name"] = byName(a, s, name)
	}
	return out
}

func published(port types.ServicePortConfig) judge {
	return func(_ context.Context, o *seen, p pod) verdict {
		if p.open.IsZero() {
			return unknown
		}
		address := net.JoinHostPort("127.0.0.1", port.Published)
		c, err := o.machine.Dial("tcp", address)
		if err != nil {
			return broken
		}
		_ = c.Close()
		return honoured
	}
}

func expose(a *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for _, e := range s.Expose {
		number, protocol, _ := strings.Cut(e, "/")
		if protocol == "udp" {
			out[e] = unseen
			continue
		}
		out[number] = byName(a, s, number)
	}
	return out
}

// byName asks from a service of the same network; the service itself where
// there is no other.
func byName(a *application, s types.ServiceConfig, port string) judge {
	return func(ctx context.Context, o *seen, p pod) verdict {
		if p.open.IsZero() {
			return unknown
		}
		for _, peer := range o.running(func(key string) bool { return a.together(s.Name, key) }) {
			if answers := o.reaches(ctx, o.pods[peer][0], s.Name+":"+port); answers != nil {
				return verdictOf(answers[s.Name+":"+port])
			}
		}
		return unknown
	}
}

// running lists services with a running pod that pass.
func (o *seen) running(pass func(key string) bool) (out []string) {
	for _, key := range slices.Sorted(maps.Keys(o.pods)) {
		if len(o.pods[key]) > 0 && o.pods[key][0].Status.Phase == corev1.PodRunning && o.pods[key][0].state.Ready && pass(key) {
			out = append(out, key)
		}
	}
	return out
}

// together says whether two services share a network.
func (a *application) together(one, other string) bool {
	for n := range a.project.Services[one].Networks {
		if _, ok := a.project.Services[other].Networks[n]; ok {
			return true
		}
	}
	return false
}

// networks makes two claims of each network: its services are found by name,
// and what shares no network is not reached, by no address.
func networks(a *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for n := range s.Networks {
		out[n+" names"] = func(ctx context.Context, o *seen, p pod) verdict {
			return o.names(ctx, a, p, s.Name, n)
		}
	}
	out["walls"] = func(ctx context.Context, o *seen, p pod) verdict { return o.walls(ctx, a, p, s.Name) }
	for n := range s.Networks {
		if a.project.Networks[n].Internal && len(s.Networks) == 1 {
			out[n+" internal"] = closed
		}
	}
	return out
}

func (o *seen) names(ctx context.Context, a *application, p pod, service, network string) verdict {
	var addresses []string
	for _, peer := range o.running(func(key string) bool {
		_, ok := a.project.Services[key].Networks[network]
		return ok && key != service && !o.pods[key][0].open.IsZero()
	}) {
		if all := ports(a.project.Project, a.project.Services[peer]); len(all) > 0 {
			addresses = append(addresses, fmt.Sprint(peer, ":", all[0]))
		}
	}
	return o.all(ctx, p, addresses, true)
}

// walls is honoured where there is nobody to keep out, too: then the file asks
// for nothing more.
func (o *seen) walls(ctx context.Context, a *application, p pod, service string) verdict {
	var addresses []string
	for _, stranger := range o.running(func(key string) bool { return !a.together(service, key) && !o.pods[key][0].open.IsZero() }) {
		addresses = append(addresses, fmt.Sprint(o.pods[stranger][0].Status.PodIP, ":", look.SidePort))
	}
	return o.all(ctx, p, addresses, false)
}

// all says whether every address answers, or none.
func (o *seen) all(ctx context.Context, p pod, addresses []string, want bool) verdict {
	if p.Status.Phase != corev1.PodRunning {
		return unknown
	}
	if len(addresses) == 0 {
		return honoured
	}
	answers := o.reaches(ctx, p, addresses...)
	if answers == nil {
		return unknown
	}
	for _, address := range addresses {
		if answers[address] != want {
			return broken
		}
	}
	return honoured
}

// outsidePort is where the machine listens, as the world beyond the cluster.
const outsidePort = "61998"

// closed holds that an internal network has no way out: to the machine.
func closed(ctx context.Context, o *seen, p pod) verdict {
	l, err := o.machine.Listen("tcp", "10.42.0.1:"+outsidePort)
	if err != nil {
		return unknown
	}
	defer l.Close()
	return o.all(ctx, p, []string{"10.42.0.1:" + outsidePort}, false)
}

// containerName is a name by which others reach the container.
func containerName(a *application, s types.ServiceConfig) map[string]judge {
	all := append(ports(a.project.Project, s), look.SidePort)
	address := fmt.Sprint(s.ContainerName, ":", all[0])
	return one(func(ctx context.Context, o *seen, p pod) verdict {
		if p.main.Name == s.ContainerName {
			return honoured
		}
		for _, peer := range o.running(func(key string) bool { return a.together(s.Name, key) }) {
			if answers := o.reaches(ctx, o.pods[peer][0], address); answers != nil {
				return verdictOf(answers[address])
			}
		}
		return unknown
	})
}

// dependsOn holds the order that was seen: the service's process began after
// the other's had begun, had answered, or had ended. Luck counts.
func dependsOn(_ *application, s types.ServiceConfig) map[string]judge {
	out := map[string]judge{}
	for other, d := range s.DependsOn {
		out[other] = func(_ context.Context, o *seen, p pod) verdict {
			if len(o.pods[other]) == 0 || o.pods[other][0].facts == nil || p.facts == nil {
				return unknown
			}
			return ordered(p, o.pods[other][0], d.Condition)
		}
	}
	return out
}

func ordered(p, on pod, condition string) verdict {
	after := on.facts.Started
	switch condition {
	case types.ServiceConditionHealthy:
		after = on.open
	case types.ServiceConditionCompletedSuccessfully:
		after = time.Time{}
		if t := on.state.State.Terminated; t != nil && t.ExitCode == 0 {
			after = on.facts.Started.Add(startUp)
		}
	}
	if after.IsZero() {
		return unknown
	}
	return verdictOf(!p.facts.Started.Before(after))
}
