package compose

import (
	"cmp"
	"math"

	"github.com/compose-spec/compose-go/v2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// resources returns what a container may use and what is kept for it. What is
// limited but not reserved asks for nothing: Kubernetes would otherwise reserve
// the whole limit, which compose never does.
func (m *maker) resources(s types.ServiceConfig) corev1.ResourceRequirements {
	limits, reservations := resourceOf(deployOf(s).Resources.Limits), resourceOf(deployOf(s).Resources.Reservations)
	var r corev1.ResourceRequirements
	cpu, kept := limitedCPU(s, limits), reservedCPU(s, reservations)
	setResource(&r, corev1.ResourceCPU, *resource.NewMilliQuantity(cpu, resource.DecimalSI), *resource.NewMilliQuantity(kept, resource.DecimalSI))
	memory := max(0, cmp.Or(int64(limits.MemoryBytes), int64(s.MemLimit)))
	least := max(0, cmp.Or(int64(reservations.MemoryBytes), int64(s.MemReservation)))
	setResource(&r, corev1.ResourceMemory, bytesQuantity(memory), bytesQuantity(least))
	addProcessors(&r, s)
	for name, limit := range r.Limits {
		if request := r.Requests[name]; request.Cmp(limit) > 0 {
			m.fault("services."+s.Name, "reserves %s of %s, above its limit of %s", request.String(), name, limit.String())
		}
	}
	return r
}

func resourceOf(r *types.Resource) types.Resource {
	if r == nil {
		return types.Resource{}
	}
	return *r
}

// setResource notes a limit and a reservation; zero means none.
func setResource(r *corev1.ResourceRequirements, name corev1.ResourceName, limit, request resource.Quantity) {
	if limit.IsZero() && request.IsZero() {
		return
	}
	if r.Requests == nil {
		r.Requests = corev1.ResourceList{}
	}
	r.Requests[name] = request
	if limit.IsZero() {
		return
	}
	if r.Limits == nil {
		r.Limits = corev1.ResourceList{}
	}
	r.Limits[name] = limit
}

// limitedCPU returns a CPU limit in thousandths of a core; 0: none.
func limitedCPU(s types.ServiceConfig, limits types.Resource) int64 {
	switch {
	case limits.NanoCPUs > 0:
		return milliCores(float64(limits.NanoCPUs))
	case s.CPUS > 0:
		return milliCores(float64(s.CPUS))
	case s.CPUQuota > 0:
		return milliCores(float64(s.CPUQuota) / float64(cmp.Or(s.CPUPeriod, 100_000)))
	}
	return milliCores(float64(s.CPUCount))
}

// reservedCPU returns a CPU reservation in thousandths of a core; 0: none. 1024
// shares weigh what a whole core weighs.
func reservedCPU(s types.ServiceConfig, reservations types.Resource) int64 {
	if reservations.NanoCPUs > 0 {
		return milliCores(float64(reservations.NanoCPUs))
	}
	return milliCores(float64(s.CPUShares) / 1024)
}

// milliCores rounds to the nearest thousandth, never down to none.
func milliCores(cores float64) int64 {
	if cores <= 0 {
		return 0
	}
	return max(1, int64(math.Round(cores*1000)))
}

func bytesQuantity(n int64) resource.Quantity {
	return *resource.NewQuantity(n, resource.BinarySI)
}

// byteCount reads "64m" as compose does; 0: it is no size.
func byteCount(text string) int64 {
	var n types.UnitBytes
	if text == "" || n.DecodeMapstructure(text) != nil {
		return 0
	}
	return max(0, int64(n))
}
