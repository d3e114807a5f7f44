package compose

import (
	"math"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// startFirst tells whether the file wants a new container beside the old one.
func startFirst(s types.ServiceConfig) bool { return beside(deployOf(s).UpdateConfig) }

func beside(u *types.UpdateConfig) bool { return u != nil && u.Order == "start-first" }

// updateOf returns how the pods of a service are replaced; nil: the file does
// not say. One that goes back does so as the file says of that.
func (m *maker) updateOf(s types.ServiceConfig) *types.UpdateConfig {
	if u, back := m.rollingBack[s.Name]; back {
		return u
	}
	return deployOf(s).UpdateConfig
}

// batch returns how many containers are replaced at a time: one unless the
// file says otherwise, all of them for 0.
func batch(u *types.UpdateConfig) intstr.IntOrString {
	switch {
	case u.Parallelism == nil:
		return intstr.FromInt32(1)
	case *u.Parallelism == 0:
		return intstr.FromString("100%")
	}
	return intstr.FromInt32(int32(min(*u.Parallelism, math.MaxInt32)))
}

// deploymentStrategy returns how a Deployment goes from one template to the
// next. With claims two generations would write to one volume at once, so that
// the old one ends first unless the file asks for the contrary. Kubernetes' own
// defaults are written out: what is not, server-side apply leaves behind when
// the type changes.
func deploymentStrategy(u *types.UpdateConfig, claims bool) appsv1.DeploymentStrategy {
	if claims && !beside(u) {
		return appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
	}
	surge, unavailable := new(intstr.FromString("25%")), new(intstr.FromString("25%"))
	if u != nil {
		surge, unavailable = room(u)
	}
	return appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: surge, MaxUnavailable: unavailable},
	}
}

func daemonSetStrategy(u *types.UpdateConfig) appsv1.DaemonSetUpdateStrategy {
	strategy := appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType}
	if u != nil {
		surge, unavailable := room(u)
		strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: surge, MaxUnavailable: unavailable}
	}
	return strategy
}

// room returns how many pods an update may have too many and too few.
func room(u *types.UpdateConfig) (surge, unavailable *intstr.IntOrString) {
	none := intstr.FromInt32(0)
	if beside(u) {
		return new(batch(u)), &none
	}
	return &none, new(batch(u))
}

// minReadySeconds returns how long a new pod has to be ready before the next
// one is replaced: the delay between two batches.
func minReadySeconds(u *types.UpdateConfig) int32 {
	if u != nil {
		return wholeSeconds(time.Duration(u.Delay))
	}
	return 0
}

// wholeSeconds rounds d up: Kubernetes knows whole seconds only.
func wholeSeconds(d time.Duration) int32 {
	return int32(min(math.Ceil(max(d, 0).Seconds()), math.MaxInt32))
}
