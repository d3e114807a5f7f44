package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// A ScatterGather sends each request to all leaves at once and makes one
// answer of theirs, with how much of the data it holds.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=sg,categories={nagi,patterns}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Leaves",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Merge",type=string,JSONPath=`.spec.merge.builtin`
// +kubebuilder:printcolumn:name="Routers",type=integer,JSONPath=`.status.routers`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 48",message="the names of its objects come from its name: at most 48 characters"
type ScatterGather struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ScatterGatherSpec `json:"spec"`
	// +optional
	Status ScatterGatherStatus `json:"status,omitzero"`
}

// ScatterGatherSpec says who is asked, and what becomes of the answers.
type ScatterGatherSpec struct {
	// Leaves: each replica of a StatefulSet is one; a Service is one whose
	// endpoints answer for each other; so is an address.
	//
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Leaves []ScatterLeaf `json:"leaves"`

	// Port of the Service, which has the name of this object; none: 80.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +kubebuilder:default=80
	Port int32 `json:"port,omitempty"`

	// Publish the port on the addresses of the cluster's nodes.
	//
	// +optional
	Publish bool `json:"publish,omitempty"`

	// Routers is how many pods ask and merge; none: 2.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +kubebuilder:default=2
	Routers int32 `json:"routers,omitempty"`

	// Deadline after which the answers that are there are merged; none: 500ms.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="deadline: above 0"
	Deadline string `json:"deadline,omitempty"`

	// MinCoverage is how much of the data, in percent, an answer must hold; below
	// it the answer is 503. None: one leaf suffices.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MinCoverage int32 `json:"minCoverage,omitempty"`

	// Hedge asks a second endpoint of a leaf that is slow.
	//
	// +optional
	Hedge *ScatterHedge `json:"hedge,omitempty"`

	Merge ScatterMerge `json:"merge"`
}

// A ScatterLeaf holds a part of the data, or all of it.
type ScatterLeaf struct {
	Target Target `json:"target"`

	// Weight is its share of the data; of a StatefulSet, that of each replica.
	// None: 1.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Weight int32 `json:"weight,omitempty"`
}

// ScatterHedge says when to ask twice.
type ScatterHedge struct {
	// After so long; none: when an answer takes longer than 95 in a hundred did.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="after: above 0"
	After string `json:"after,omitempty"`

	// Budget is how many requests in a hundred may be asked twice; none: 2.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Budget int32 `json:"budget,omitempty"`
}

// ScatterMerge makes one answer of many.
//
// +kubebuilder:validation:XValidation:rule="self.builtin != 'topK' || has(self.by)",message="merge: topK needs by, the field to order by"
type ScatterMerge struct {
	// Builtin: concat joins lists, topK the best of lists, sum adds numbers, deep
	// merges objects.
	//
	// +kubebuilder:validation:Enum=concat;topK;sum;deep
	Builtin string `json:"builtin"`

	// Path of the list or number in each answer, as $.hits; none: the whole.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^\$.*$`
	Path string `json:"path,omitempty"`

	// By is the field to order by, highest first; -field: lowest first.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by,omitempty"`

	// Limit of topK; none: 10.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	Limit int32 `json:"limit,omitempty"`
}

// ScatterGatherStatus says what runs.
type ScatterGatherStatus struct {
	// ObservedGeneration is that of the spec which this status is about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Version of the document that the routers are given.
	//
	// +optional
	Version string `json:"version,omitempty"`

	// Summary counts the leaves that can answer: "19/20".
	//
	// +optional
	Summary string `json:"summary,omitempty"`

	// Endpoints are the leaves.
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

// ScatterGatherList is a list of ScatterGathers.
//
// +kubebuilder:object:root=true
type ScatterGatherList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScatterGather `json:"items"`
}
