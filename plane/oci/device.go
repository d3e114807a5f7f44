package oci

import (
	"fmt"
	"maps"
	slashpath "path"
	"slices"
	"strings"
)

// A Device is one of the kernel's that a container may open.
type Device struct {
	Name   string `json:"name"`             // "/dev/net/tun"
	At     string `json:"at,omitempty"`     // where the container has it; "": there too
	Access string `json:"access,omitempty"` // of r, w and m (make a node); "": all
}

// harmless are the devices that reach nothing beyond the container which opens
// them, with their fixed numbers: a tunnel is one of the container's own
// network, a file system one of its own mounts. All others belong to the
// machine, and whoever may make a pod would have them.
var harmless = map[string]struct{ major, minor int }{
	"/dev/fuse":    {10, 229},
	"/dev/net/tun": {10, 200},
}

// Devices returns the names of those that a container may have.
func Devices() []string { return slices.Sorted(maps.Keys(harmless)) }

func (d Device) check() error {
	switch {
	case harmless[d.Name].major == 0:
		return fmt.Errorf("read settings: the device %s belongs to the machine; there are %s", d.Name, strings.Join(Devices(), ", "))
	case d.At != "" && (slashpath.Clean(d.At) != d.At || !strings.HasPrefix(d.At, "/dev/")):
		return fmt.Errorf("read settings: %s is no place below /dev", d.At)
	case strings.Trim(d.Access, "rwm") != "":
		return fmt.Errorf("read settings: access %q to %s is not of r, w and m", d.Access, d.Name)
	}
	return nil
}

// addTo gives the device to a container: a node, and the leave to open it.
func (d Device) addTo(linux, resources tree) {
	at, access, number := d.At, d.Access, harmless[d.Name]
	if at == "" {
		at = d.Name
	}
	if access == "" {
		access = "rwm"
	}
	nodes := slices.DeleteFunc(listOf(linux["devices"]), func(v any) bool { n, _ := v.(tree); return n["path"] == at })
	linux["devices"] = append(nodes, tree{
		"path": at, "type": "c", "major": number.major, "minor": number.minor, "fileMode": 0o666, "uid": 0, "gid": 0,
	})
	resources["devices"] = append(listOf(resources["devices"]), tree{
		"allow": true, "type": "c", "major": number.major, "minor": number.minor, "access": access,
	})
}
