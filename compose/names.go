package compose

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"nagi.dev/api/v1alpha1"
)

// maxName is the length of the longest DNS label (RFC 1123).
const maxName = 63

// ObjectName returns the Kubernetes name of what a compose file calls name: a
// DNS label. Letters become lower case, all else but digits a hyphen; what is
// too long ends in a hash. It is empty when name has no letter or digit.
func ObjectName(name string) string {
	return fitName(strings.Trim(strings.Map(labelRune, name), "-"))
}

func labelRune(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		return r
	case 'A' <= r && r <= 'Z':
		return r - 'A' + 'a'
	}
	return '-'
}

// fitName shortens a name to a DNS label's length without making two alike.
func fitName(name string) string { return fitTo(name, maxName) }

// fitTo does so for a limit of its own.
func fitTo(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:5])
	return strings.TrimRight(name[:limit-len(hash)-1], "-") + "-" + hash
}

// hashOf returns ten digits that differ when v's JSON differs.
func hashOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("marshal %T: %v", v, err)) // the Kubernetes types always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:5])
}

// serviceNames returns the object name of each service.
func (m *maker) serviceNames() map[string]string {
	names, taken := map[string]string{}, map[string]string{}
	for _, service := range m.serviceKeys() {
		name := ObjectName(service)
		if name == "" {
			m.fault("services."+service, "the name has no letter or digit")
		} else if other, ok := taken[name]; ok {
			m.fault("services."+service, "becomes %q in Kubernetes, as services.%s does; rename one of them", name, other)
		}
		names[service], taken[name] = name, service
	}
	return names
}

// refuseTwins notes objects of one kind and name that two services need: the
// Service of one called web-published and the published ports of web.
func (m *maker) refuseTwins(objs []Object) {
	seen := map[string]string{}
	for _, o := range objs {
		service := cmp.Or(o.GetLabels()[v1alpha1.ServiceLabel], "an alias")
		id := o.GetObjectKind().GroupVersionKind().Kind + " " + o.GetName()
		if other, ok := seen[id]; ok && other != service {
			m.fault("services", "%s and %s both need the %s; rename one of them", other, service, id)
		}
		seen[id] = service
	}
}
