package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// A ShardedService is a set of shards, each of which holds a part of the
// data, and a router in front that knows which part is where.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=shs,categories={nagi,patterns}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Protocol",type=string,JSONPath=`.spec.protocol`
// +kubebuilder:printcolumn:name="Shards",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Router",type=string,JSONPath=`.spec.router.mode`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 48",message="the names of its objects come from its name: at most 48 characters"
type ShardedService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ShardedServiceSpec `json:"spec"`
	// +optional
	Status ShardedServiceStatus `json:"status,omitzero"`
}

// ShardedServiceSpec says what a shard is, and how keys find theirs.
//
// +kubebuilder:validation:XValidation:rule="self.shards == oldSelf.shards || (has(self.reshard) && self.reshard == 'Drop')",message="shards: keys would change their shard and what is stored under them would not be found; set reshard: Drop where that is right, as it is for a cache"
type ShardedServiceSpec struct {
	// +kubebuilder:validation:Enum=redis;http
	Protocol string `json:"protocol"`

	// Shards, each a pod of a StatefulSet.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=256
	Shards int32 `json:"shards"`

	// Reshard says what may become of keys when Shards changes. None: it cannot
	// change.
	//
	// +optional
	// +kubebuilder:validation:Enum=Drop
	Reshard string `json:"reshard,omitempty"`

	// Port at which a shard listens, and the router answers.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// Template of a shard's pod, as in a StatefulSet. Labels of its own are kept.
	//
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	Template runtime.RawExtension `json:"template"`

	// Storage gives each shard a volume of this size, mounted as "data"; none:
	// what a shard holds goes with its pod.
	//
	// +optional
	Storage *ShardStorage `json:"storage,omitempty"`

	// Ring places the keys.
	//
	// +optional
	Ring Ring `json:"ring,omitzero"`

	// Key of a request over http: path, query:NAME, header:NAME, cookie:NAME or
	// address; none: path.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^(path|address|(query|header|cookie):.+)$`
	Key string `json:"key,omitempty"`

	// Router in front; the Service has the name of this object.
	//
	// +optional
	// +kubebuilder:default={}
	Router ShardRouter `json:"router,omitzero"`
}

// ShardStorage is a volume for each shard.
type ShardStorage struct {
	// Size, as 1Gi.
	//
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(self)",message="size: write it as 1Gi"
	Size string `json:"size"`

	// ClassName of the storage; none: the cluster's default.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ClassName string `json:"className,omitempty"`
}

// ShardRouter says who knows where a key is.
type ShardRouter struct {
	// Mode Shared: pods in front, found by a Service. Ambassador: none; an
	// Ambassador of the clients names the StatefulSet of this object's name.
	//
	// +optional
	// +kubebuilder:validation:Enum=Shared;Ambassador
	// +kubebuilder:default=Shared
	Mode string `json:"mode,omitempty"`

	// Replicas of a shared router; none: 2.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=2
	Replicas int32 `json:"replicas,omitempty"`
}

// ShardedServiceStatus says what runs.
type ShardedServiceStatus struct {
	// ObservedGeneration is that of the spec which this status is about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Use says how clients reach the shards: Shared or Ambassador.
	//
	// +optional
	Use string `json:"use,omitempty"`

	// Version of the document that the router is given.
	//
	// +optional
	Version string `json:"version,omitempty"`

	// Summary counts the shards: "3/3".
	//
	// +optional
	Summary string `json:"summary,omitempty"`

	// Endpoints are the shards.
	//
	// +optional
	Endpoints EndpointsStatus `json:"endpoints,omitzero"`

	// Routers that are ready.
	//
	// +optional
	Routers int32 `json:"routers,omitempty"`

	// Conditions are Ready, Progressing and Stalled.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// The reasons of the conditions of services with a router, beside others.
const (
	ReasonServing  = "Serving"  // everything asked for answers
	ReasonStarting = "Starting" // shards or routers are not ready yet
)

// ShardedServiceList is a list of ShardedServices.
//
// +kubebuilder:object:root=true
type ShardedServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ShardedService `json:"items"`
}
