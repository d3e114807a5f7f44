package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// A Stack is one compose application. Its controller makes and keeps the
// objects of every service.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=stk,categories=nagi
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Services",type=string,JSONPath=`.status.summary`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name of a stack becomes a label: at most 63 characters"
type Stack struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec StackSpec `json:"spec"`
	// +optional
	Status StackStatus `json:"status,omitzero"`
}

// StackSpec says what should run.
type StackSpec struct {
	// Compose is the normalised compose file: includes, extends, variables and
	// env files are resolved; the contents of local files are in Assets.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=921600
	Compose string `json:"compose"`

	// Assets name the ConfigMaps and Secrets that hold the files of the project.
	//
	// +optional
	// +listType=map
	// +listMapKey=key
	// +kubebuilder:validation:MaxItems=512
	Assets []Asset `json:"assets,omitempty"`
}

// An Asset is a file or folder of the project, kept in the stack's namespace.
type Asset struct {
	// Key says what the asset is for: config/NAME, secret/NAME or
	// bind/SERVICE/INDEX, where INDEX counts the volumes of the service from 0.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^((config|secret)/[^/]+|bind/[^/]+/[0-9]+)$')",message="must be config/NAME, secret/NAME or bind/SERVICE/INDEX"
	Key string `json:"key"`

	// Kind of the objects that hold the asset.
	//
	// +kubebuilder:validation:Enum=ConfigMap;Secret
	Kind string `json:"kind"`

	// Objects together hold the files; a large folder takes several.
	//
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Objects []AssetObject `json:"objects"`
}

// An AssetObject is one ConfigMap or Secret of an Asset.
type AssetObject struct {
	// Name of the ConfigMap or Secret. It ends in a hash of the content.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Items say where each file goes.
	//
	// +optional
	// +listType=map
	// +listMapKey=key
	// +kubebuilder:validation:MaxItems=2048
	Items []AssetItem `json:"items,omitempty"`
}

// An AssetItem is one file of an AssetObject.
type AssetItem struct {
	// Key of the object's data.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`

	// Path of the file below the mount, with slashes; never above it.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^[^/].*$`
	Path string `json:"path"`

	// Mode of the file; none means that of the mount.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=511
	Mode *int32 `json:"mode,omitempty"`
}

// StackStatus says what is seen to run.
type StackStatus struct {
	// ObservedGeneration is that of the spec which this status is about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Revision counts the files that were accepted, from 1: that of the file
	// which the services run or come to. nagi history lists those that are kept.
	//
	// +optional
	Revision int64 `json:"revision,omitempty"`

	// Summary counts the services: "3/4".
	//
	// +optional
	Summary string `json:"summary,omitempty"`

	// Conditions are Ready, Progressing and Stalled.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Services in the order of their names.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=1000
	Services []ServiceStatus `json:"services,omitempty"`

	// Released are the volumes that left the file. Their data is kept until
	// someone deletes the claim.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	Released []string `json:"released,omitempty"`
}

// A ServiceStatus says how one compose service is.
type ServiceStatus struct {
	// Name of the service's objects.
	//
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Host is the service in whose pods it runs, where it joins the namespaces of
	// another one.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host,omitempty"`

	// Kind of its workload: Deployment, DaemonSet, Job or CronJob.
	Kind string `json:"kind"`

	// Wanted replicas, or completions of a Job.
	Wanted int32 `json:"wanted"`

	// Ready replicas, or completions of a Job that are done.
	Ready int32 `json:"ready"`

	// State is Ready, Progressing, Failed, Completed or Waiting.
	//
	// +kubebuilder:validation:Enum=Ready;Progressing;Failed;Completed;Waiting
	State string `json:"state"`

	// Reason of a state that is not Ready, in one word: CrashLoopBackOff.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Reason string `json:"reason,omitempty"`

	// Message says the same to a person.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Message string `json:"message,omitempty"`

	// Since says when State last changed.
	//
	// +optional
	Since metav1.Time `json:"since,omitzero"`

	// Addresses at which its published ports answer: "127.0.0.1:8080".
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Addresses []string `json:"addresses,omitempty"`

	// Image its containers run.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image,omitempty"`

	// Revision of the stack in which its pods last changed: what it runs.
	//
	// +optional
	Revision int64 `json:"revision,omitempty"`

	// Updated says since when that revision is there.
	//
	// +optional
	Updated metav1.Time `json:"updated,omitzero"`

	// ScaledBy names the field manager that keeps the number of replicas in
	// place of the file: an autoscaler, kubectl scale, nagi scale.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ScaledBy string `json:"scaledBy,omitempty"`
}

// The states of a service.
const (
	ServiceReady       = "Ready"       // all wanted replicas serve
	ServiceProgressing = "Progressing" // on the way, nothing is wrong yet
	ServiceFailed      = "Failed"      // will not get there by itself, or keeps failing
	ServiceCompleted   = "Completed"   // a Job that succeeded
	ServiceWaiting     = "Waiting"     // for a service it depends on
)

// The conditions of every kind of the group.
const (
	ConditionReady       = "Ready"       // it does what it was asked
	ConditionProgressing = "Progressing" // it is on the way there
	ConditionStalled     = "Stalled"     // it will not get there without a change
)

// The reasons of a Stack's conditions.
const (
	ReasonReady         = "ServicesReady"  // every service is ready or completed
	ReasonRollingOut    = "RollingOut"     // services are starting
	ReasonServiceFailed = "ServiceFailed"  // a service keeps failing
	ReasonInvalid       = "InvalidCompose" // the text does not parse or has no objects
	ReasonAssetMissing  = "AssetMissing"   // a ConfigMap or Secret is not there yet
	ReasonRefused       = "ObjectRefused"  // the API server refuses an object
	ReasonConflict      = "NameTaken"      // an object of that name belongs to another
	ReasonRolledBack    = "RolledBack"     // an update failed, the former revision runs
	ReasonPaused        = "UpdatePaused"   // an update failed and stands still
	ReasonWatched       = "UpdateWatched"  // an update is done and may still fail
	ReasonSettled       = "Settled"        // nothing is on the way, nothing is stuck
)

// StackList is a list of Stacks.
//
// +kubebuilder:object:root=true
type StackList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Stack `json:"items"`
}
