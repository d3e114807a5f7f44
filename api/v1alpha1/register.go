package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is nagi.dev/v1alpha1.
var GroupVersion = schema.GroupVersion{Group: "nagi.dev", Version: "v1alpha1"}

// AddToScheme makes the kinds of this package known to s.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Stack{}, &StackList{}, &Sidecar{}, &SidecarList{}, &Ambassador{}, &AmbassadorList{},
		&ShardedService{}, &ShardedServiceList{}, &ReplicatedService{}, &ReplicatedServiceList{}, &ScatterGather{}, &ScatterGatherList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
