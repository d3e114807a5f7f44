package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// A ReplicatedService puts a router in front of the replicas of a workload: it
// balances, tries again, keeps clients on their replica, caches, limits and
// ends TLS.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rps,categories={nagi,patterns}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Replicas",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Routers",type=integer,JSONPath=`.status.routers`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 48",message="the names of its objects come from its name: at most 48 characters"
type ReplicatedService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ReplicatedServiceSpec `json:"spec"`
	// +optional
	Status ReplicatedServiceStatus `json:"status,omitzero"`
}

// ReplicatedServiceSpec says what is in front of which replicas.
type ReplicatedServiceSpec struct {
	// Selector selects the pods of the workload by their labels.
	//
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	Selector map[string]string `json:"selector"`

	// TargetPort at which a replica listens.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	TargetPort int32 `json:"targetPort"`

	// Port of the Service, which has the name of this object; none: 80, with TLS
	// 443.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// Publish the port on the addresses of the cluster's nodes.
	//
	// +optional
	Publish bool `json:"publish,omitempty"`

	// Routers is how many pods balance; none: 2.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=2
	Routers int32 `json:"routers,omitempty"`

	// Timeout of one answer; none: 15s.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="timeout: above 0"
	Timeout string `json:"timeout,omitempty"`

	// Readiness is a path that a replica answers with 200 to 399 while it may get
	// requests, beside its readiness probe.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/.*$`
	Readiness string `json:"readiness,omitempty"`

	// Affinity keeps a client on its replica.
	//
	// +optional
	Affinity *StickyClient `json:"affinity,omitempty"`

	// TLS shows the certificate of a Secret of the type kubernetes.io/tls.
	//
	// +optional
	TLS *ServiceTLS `json:"tls,omitempty"`

	// RateLimit answers 429 above a rate.
	//
	// +optional
	RateLimit *ServiceRate `json:"rateLimit,omitempty"`

	// Cache keeps answers in the memory of each router, as RFC 9111 allows.
	//
	// +optional
	Cache *ServiceCache `json:"cache,omitempty"`

	// RetryBudget is how many requests in a hundred may be second attempts; none:
	// 20.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	RetryBudget *int32 `json:"retryBudget,omitempty"`
}

// ServiceCache says what is kept.
type ServiceCache struct {
	// Size of memory, as 64Mi; at most 16Gi.
	//
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(self) && quantity(self).isGreaterThan(quantity('0')) && quantity(self).compareTo(quantity('16Gi')) <= 0",message="size: write it as 64Mi, up to 16Gi"
	Size string `json:"size"`

	// DefaultTTL of answers that say nothing; none: as the RFC has it.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="defaultTTL: above 0"
	DefaultTTL string `json:"defaultTTL,omitempty"`

	// Stale answers are served for so long while one request asks anew.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="stale: above 0"
	Stale string `json:"stale,omitempty"`
}

// ServiceTLS names a certificate.
type ServiceTLS struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName"`

	// +optional
	// +kubebuilder:validation:Enum="1.2";"1.3"
	MinVersion string `json:"minVersion,omitempty"`
}

// ServiceRate is a rate that each router holds by itself.
type ServiceRate struct {
	// PerSecond and router.
	//
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	PerSecond int32 `json:"perSecond"`

	// Burst; none: one second's worth.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Burst int32 `json:"burst,omitempty"`

	// By address, or header:NAME; none: all clients together.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^(address|header:.+)$`
	By string `json:"by,omitempty"`
}

// ReplicatedServiceStatus says what runs.
type ReplicatedServiceStatus struct {
	// ObservedGeneration is that of the spec which this status is about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Version of the document that the routers are given.
	//
	// +optional
	Version string `json:"version,omitempty"`

	// Summary counts the replicas that answer: "3/3".
	//
	// +optional
	Summary string `json:"summary,omitempty"`

	// Endpoints are the replicas.
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

// ReplicatedServiceList is a list of ReplicatedServices.
//
// +kubebuilder:object:root=true
type ReplicatedServiceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ReplicatedService `json:"items"`
}
