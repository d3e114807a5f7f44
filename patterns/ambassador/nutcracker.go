package ambassador

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"nagi.dev/api/v1alpha1"
	"nagi.dev/internal/endpoints"
	"nagi.dev/plane/config"
	"nagi.dev/plane/nutcracker"
)

// fileKey is the key of the ConfigMap unless told.
func fileKey(n *v1alpha1.NutcrackerFile) string { return cmp.Or(n.Key, "nutcracker.yml") }

// fromNutcracker is the document that a nutcracker.yml asks for, at the
// address of the Ambassador.
func fromNutcracker(s State) (*config.Config, v1alpha1.EndpointsStatus, error) {
	var count v1alpha1.EndpointsStatus
	n := s.Ambassador.Spec.Shard.Nutcracker
	at := fmt.Sprintf("ConfigMap %s, %s", n.ConfigMap, fileKey(n))
	if s.Nutcracker == "" {
		return nil, count, endpoints.Missing{Text: at + ": it is not there"}
	}
	c, _, err := nutcracker.Parse([]byte(s.Nutcracker))
	if err != nil {
		return nil, count, errFile{fmt.Sprintf("%s: %v", at, err)}
	}
	l, err := chosen(c, n.Pool)
	if err != nil {
		return nil, count, errFile{fmt.Sprintf("%s: %v", at, err)}
	}
	if string(l.Protocol) != s.Ambassador.Spec.Protocol {
		return nil, count, errFile{fmt.Sprintf("%s: pool %s speaks %s, the ambassador %s", at, l.Name, l.Protocol, s.Ambassador.Spec.Protocol)}
	}
	i := slices.IndexFunc(c.Pools, func(p config.Pool) bool { return p.Name == l.Name })
	l.Name, l.Address, l.SocketMode = "ambassador", s.Ambassador.Spec.Listen, ""
	count.Known = int32(len(c.Pools[i].Endpoints))
	count.Ready = count.Known // addresses are believed
	return &config.Config{Listeners: []config.Listener{l}, Pools: c.Pools[i : i+1]}, count, nil
}

// errFile is a fault of the file.
type errFile struct{ text string }

func (e errFile) Error() string { return e.text }

// chosen is the pool that is named, or the only one.
func chosen(c *config.Config, name string) (config.Listener, error) {
	var names []string
	for _, l := range c.Listeners {
		if l.Name == name || name == "" && len(c.Listeners) == 1 {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return config.Listener{}, fmt.Errorf("pool %q is none of %s", name, strings.Join(names, ", "))
}
