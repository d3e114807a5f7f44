package compose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"nagi.dev/plane/oci"
)

// processors are the names under which device plugins offer graphics
// processors, by compose's name of the driver.
var processors = map[string]corev1.ResourceName{"": "nvidia.com/gpu", "nvidia": "nvidia.com/gpu", "amd": "amd.com/gpu"}

// requestedProcessors returns what a service asks of device plugins: how many
// of what. Requests that no plugin understands are refused.
func requestedProcessors(s types.ServiceConfig) map[corev1.ResourceName]int64 {
	all := map[corev1.ResourceName]int64{}
	for _, r := range deviceRequests(s) {
		if name, ok := processorOf(r); ok {
			all[name] += int64(r.Count)
		}
	}
	return all
}

func deviceRequests(s types.ServiceConfig) []types.DeviceRequest {
	all := slices.Clone(s.Gpus)
	if r := deployOf(s).Resources.Reservations; r != nil {
		all = append(all, r.Devices...)
	}
	return all
}

// processorOf names the resource of a request; false: Kubernetes has none.
// "gpus" are graphics processors without saying so.
func processorOf(r types.DeviceRequest) (corev1.ResourceName, bool) {
	name, ok := processors[r.Driver]
	graphics := len(r.Capabilities) == 0 || slices.Contains(r.Capabilities, "gpu")
	return name, ok && graphics && r.Count > 0 && len(r.IDs) == 0
}

// addProcessors asks for them: an extended resource has one number, its limit.
func addProcessors(r *corev1.ResourceRequirements, s types.ServiceConfig) {
	for name, n := range requestedProcessors(s) {
		setResource(r, name, *resource.NewQuantity(n, resource.DecimalSI), *resource.NewQuantity(n, resource.DecimalSI))
	}
}

func judgeProcessors(a attribute) (Verdict, string) {
	for _, r := range deviceRequests(a.service) {
		if _, ok := processorOf(r); !ok {
			return Refused, `Kubernetes gives graphics processors by number: write "driver: nvidia" or "amd", and a "count" of 1 or more`
		}
	}
	for name, n := range requestedProcessors(a.service) {
		return Approximated, fmt.Sprintf("asks for %d of %s, which a device plugin on the node must offer", n, name)
	}
	return Applied, ""
}

// ownDevices returns the devices that the runtime gives to a container which is
// not privileged: a privileged one has all. Others are refused.
func ownDevices(s types.ServiceConfig) []oci.Device {
	var all []oci.Device
	for _, d := range s.Devices {
		if !s.Privileged && slices.Contains(oci.Devices(), d.Source) {
			o := oci.Device{Name: d.Source, Access: d.Permissions}
			if d.Target != d.Source {
				o.At = d.Target
			}
			all = append(all, o)
		}
	}
	return all
}

// judgeDevices looks at the list of devices: a privileged container has all of
// the machine's, under their own names; any other those that reach nothing
// beyond it.
func judgeDevices(a attribute) (Verdict, string) {
	renamed := func(d types.DeviceMapping) bool { return cmp.Or(d.Target, d.Source) != d.Source }
	switch {
	case !a.service.Privileged && a.at[len(a.at)-1] == "devices" && len(ownDevices(a.service)) == len(a.service.Devices):
		return Applied, ownRuntime
	case !a.service.Privileged:
		return Refused, fmt.Sprintf(`but for %s, devices of the machine are given to privileged containers only; write "privileged: true" if it may have all of them`,
			strings.Join(oci.Devices(), " and "))
	case slices.ContainsFunc(a.service.Devices, renamed):
		return Refused, "a privileged container has the devices under the machine's own names; give them no other"
	}
	return Applied, "with all others: the container is privileged"
}
