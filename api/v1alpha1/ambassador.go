package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// An Ambassador is a proxy on localhost of every pod that it selects: the
// program speaks to it as if there were one server, and it finds the right one.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=amb,categories={nagi,patterns}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Protocol",type=string,JSONPath=`.spec.protocol`
// +kubebuilder:printcolumn:name="Use",type=string,JSONPath=`.status.use`
// +kubebuilder:printcolumn:name="Listen",type=string,JSONPath=`.spec.listen`
// +kubebuilder:printcolumn:name="Pods",type=integer,JSONPath=`.status.pods.injected`
// +kubebuilder:printcolumn:name="Endpoints",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name becomes that of a container: at most 63 characters"
type Ambassador struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec AmbassadorSpec `json:"spec"`
	// +optional
	Status AmbassadorStatus `json:"status,omitzero"`
}

// AmbassadorSpec says whose ambassador it is, and to whom.
//
// +kubebuilder:validation:XValidation:rule="has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0 || has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0",message="selector: select something: matchLabels or matchExpressions"
// +kubebuilder:validation:XValidation:rule="[has(self.shard), has(self.broker), has(self.split), has(self.tee)].filter(x, x).size() == 1",message="set one of shard, broker, split and tee"
// +kubebuilder:validation:XValidation:rule="!has(self.split) || !has(self.split.sticky) || self.protocol == 'http' || self.split.sticky.by == 'address'",message="split.sticky: only http knows cookies and headers; use address"
// +kubebuilder:validation:XValidation:rule="!has(self.tee) || self.protocol == 'http'",message="tee: only http has it"
// +kubebuilder:validation:XValidation:rule="!has(self.shard) || self.protocol != 'tcp'",message="shard: tcp has no keys; use redis, memcache or http"
type AmbassadorSpec struct {
	// Selector selects pods of the same namespace by their labels.
	Selector metav1.LabelSelector `json:"selector"`

	// Order says where it starts: before the pod's own init containers, or after
	// them; always before the main containers.
	//
	// +optional
	// +kubebuilder:validation:Enum=before;after
	// +kubebuilder:default=before
	Order string `json:"order,omitempty"`

	// ReplaceMissed replaces pods that were made before this Ambassador, or while
	// the platform was away, one after the other, by eviction.
	//
	// +optional
	ReplaceMissed bool `json:"replaceMissed,omitempty"`

	// Listen is the address on the pod's localhost: "127.0.0.1:6379".
	//
	// +kubebuilder:validation:Pattern=`^127\.0\.0\.1:[0-9]+$`
	// +kubebuilder:validation:MaxLength=15
	Listen string `json:"listen"`

	// +kubebuilder:validation:Enum=redis;memcache;http;tcp
	Protocol string `json:"protocol"`

	// Timeout of one answer; none: 15s for http, 400ms for redis and memcache.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="timeout: above 0"
	Timeout string `json:"timeout,omitempty"`

	// Shard sends each key to the shard that it belongs to.
	//
	// +optional
	Shard *AmbassadorShard `json:"shard,omitempty"`

	// Broker finds the backend of this environment.
	//
	// +optional
	Broker *AmbassadorBroker `json:"broker,omitempty"`

	// Split shares requests by weight.
	//
	// +optional
	Split *AmbassadorSplit `json:"split,omitempty"`

	// Tee sends a copy of requests to a second target and compares the answers.
	//
	// +optional
	Tee *AmbassadorTee `json:"tee,omitempty"`
}

// AmbassadorShard names the shards.
//
// +kubebuilder:validation:XValidation:rule="(has(self.targets) && size(self.targets) > 0) != has(self.nutcracker)",message="shard: set targets or nutcracker, one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.nutcracker) || !has(self.ring) || !has(self.ring.hash) && !has(self.ring.hashTag) && !has(self.ring.eject)",message="shard.ring: the nutcracker.yml says it; leave it out"
type AmbassadorShard struct {
	// Targets: one StatefulSet, whose replicas are the shards, or a target for
	// each shard.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Targets []Target `json:"targets,omitempty"`

	// Nutcracker takes shards, hash and timeouts from a nutcracker.yml as it is.
	//
	// +optional
	Nutcracker *NutcrackerFile `json:"nutcracker,omitempty"`

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
}

// A NutcrackerFile is twemproxy's configuration in a ConfigMap. It listens
// where the Ambassador does.
type NutcrackerFile struct {
	// ConfigMap of the same namespace.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ConfigMap string `json:"configMap"`

	// Key of its data; none: nutcracker.yml.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key,omitempty"`

	// Pool of the file; none: its only one.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Pool string `json:"pool,omitempty"`
}

// AmbassadorBroker names a backend for each environment.
type AmbassadorBroker struct {
	// Environment that this is; none: what the label nagi.dev/environment of the
	// namespace says.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Environment string `json:"environment,omitempty"`

	// Backends, one an environment.
	//
	// +listType=map
	// +listMapKey=environment
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Backends []BrokerBackend `json:"backends"`
}

// A BrokerBackend is the right one in its environment.
type BrokerBackend struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Environment string `json:"environment"`

	Target Target `json:"target"`

	// Username and Password are shown to a Redis backend; the program needs none.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Username string `json:"username,omitempty"`
	// +optional
	Password *SecretKey `json:"password,omitempty"`

	// Database of a Redis backend.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	Database int32 `json:"database,omitempty"`
}

// AmbassadorSplit names arms.
type AmbassadorSplit struct {
	// +optional
	Sticky *StickyClient `json:"sticky,omitempty"`

	// Routes share the requests by weight.
	//
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Routes []SplitRoute `json:"routes"`
}

// A SplitRoute is one arm.
type SplitRoute struct {
	Target Target `json:"target"`

	// Weight; none: 1.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Weight int32 `json:"weight,omitempty"`
}

// AmbassadorTee names what answers and what is compared with it.
type AmbassadorTee struct {
	// Target answers.
	Target Target `json:"target"`

	// Shadow gets a copy; its answers are compared and dropped.
	Shadow Target `json:"shadow"`

	// Percent of the requests that are copied; none: 100.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Percent int32 `json:"percent,omitempty"`

	// Compare says what of the answers may differ; none: they are not compared.
	//
	// +optional
	Compare *TeeCompare `json:"compare,omitempty"`
}

// TeeCompare says what of two answers may differ.
type TeeCompare struct {
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	IgnoreHeaders []string `json:"ignoreHeaders,omitempty"`
	// IgnorePaths of JSON answers: $.id, $.items[*].at.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	IgnorePaths []string `json:"ignorePaths,omitempty"`
}

// AmbassadorStatus says what runs.
type AmbassadorStatus struct {
	// ObservedGeneration is that of the spec which this status is about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Use names what it does: shard, broker, split or tee.
	//
	// +optional
	Use string `json:"use,omitempty"`

	// Version of the document that the planes are given.
	//
	// +optional
	Version string `json:"version,omitempty"`

	// Summary counts the endpoints: "2/3".
	//
	// +optional
	Summary string `json:"summary,omitempty"`

	// +optional
	Endpoints EndpointsStatus `json:"endpoints,omitzero"`

	// +optional
	Pods PodsStatus `json:"pods,omitzero"`

	// Conditions are Ready, Progressing and Stalled.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// EnvironmentLabel, on a namespace, says which environment it is.
const EnvironmentLabel = "nagi.dev/environment"

// The reasons of an Ambassador's conditions, beside those of injection.
const (
	ReasonTarget      = "TargetMissing"   // a target is not there
	ReasonNoEndpoints = "NoEndpoints"     // nobody answers behind it
	ReasonEnvironment = "NoEnvironment"   // no backend is for this environment
	ReasonDocument    = "DocumentRefused" // no plane would take what the spec makes
)

// AmbassadorList is a list of Ambassadors.
//
// +kubebuilder:object:root=true
type AmbassadorList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Ambassador `json:"items"`
}
