package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// A Sidecar puts a helper into every pod that it selects: one of Nagi's own or
// any container. The pods are not changed otherwise; a Job with one completes.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=sc,categories={nagi,patterns}
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Use",type=string,JSONPath=`.status.use`
// +kubebuilder:printcolumn:name="Injected",type=integer,JSONPath=`.status.pods.injected`
// +kubebuilder:printcolumn:name="Missed",type=integer,JSONPath=`.status.pods.missed`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name becomes that of a container: at most 63 characters"
type Sidecar struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec SidecarSpec `json:"spec"`
	// +optional
	Status SidecarStatus `json:"status,omitzero"`
}

// SidecarSpec says what goes into which pods.
//
// +kubebuilder:validation:XValidation:rule="has(self.selector.matchLabels) && size(self.selector.matchLabels) > 0 || has(self.selector.matchExpressions) && size(self.selector.matchExpressions) > 0",message="selector: select something: matchLabels or matchExpressions"
type SidecarSpec struct {
	// Selector selects pods of the same namespace by their labels.
	Selector metav1.LabelSelector `json:"selector"`

	// Order says where the sidecar starts: before the pod's own init containers,
	// or after them. Either way it runs before the main containers start and ends
	// after they did.
	//
	// +optional
	// +kubebuilder:validation:Enum=before;after
	// +kubebuilder:default=before
	Order string `json:"order,omitempty"`

	// ReplaceMissed replaces pods that were made before this Sidecar, or while
	// the platform was away: one after the other, by eviction, and never those of
	// a Job or without an owner. Else they stay as they are and are counted.
	//
	// +optional
	ReplaceMissed bool `json:"replaceMissed,omitempty"`

	Use SidecarUse `json:"use"`
}

// SidecarUse is what a Sidecar does. One field is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.configSync), has(self.topz), has(self.container)].filter(x, x).size() == 1",message="use: set one of configSync, topz and container"
type SidecarUse struct {
	// ConfigSync keeps files in the pod as a ConfigMap, a Secret or a URL has
	// them, and tells the program when they change.
	//
	// +optional
	ConfigSync *ConfigSync `json:"configSync,omitempty"`

	// Topz answers GET /topz with the processes of the pod.
	//
	// +optional
	Topz *Topz `json:"topz,omitempty"`

	// Container is any container of your own.
	//
	// +optional
	Container *SidecarContainer `json:"container,omitempty"`
}

// ConfigSync says where files come from, where they go, and who is told.
//
// +kubebuilder:validation:XValidation:rule="[has(self.configMap), has(self.secret), has(self.url)].filter(x, x).size() == 1",message="configSync: set one of configMap, secret and url"
// +kubebuilder:validation:XValidation:rule="!(has(self.signal) && has(self.reload))",message="configSync: set signal or reload, not both"
type ConfigSync struct {
	// ConfigMap whose keys become files.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ConfigMap string `json:"configMap,omitempty"`

	// Secret whose keys become files.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Secret string `json:"secret,omitempty"`

	// URL of one file, asked for again every Interval.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://`
	URL string `json:"url,omitempty"`

	// Interval at which the URL is asked; at least a second. None: 30s.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="interval: at least 1s"
	Interval string `json:"interval,omitempty"`

	// Path of the folder in every container of the pod that has nothing mounted
	// there.
	//
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/[^:]+$`
	Path string `json:"path"`

	// Signal is sent after a change.
	//
	// +optional
	Signal *ProcessSignal `json:"signal,omitempty"`

	// Reload is asked by POST after a change, again until it answers 2xx.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https?://`
	Reload string `json:"reload,omitempty"`
}

// A ProcessSignal goes to processes of the pod. The pod's containers share
// their processes for it.
type ProcessSignal struct {
	// Process is the name of the program, without folder.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[^/]+$`
	Process string `json:"process"`

	// Signal, by its name. The oldest process of that name gets it.
	//
	// +optional
	// +kubebuilder:validation:Enum=HUP;USR1;USR2;INT;TERM;QUIT;WINCH
	// +kubebuilder:default=HUP
	Signal string `json:"signal,omitempty"`
}

// Topz says where the table is served. The pod's containers share their
// processes for it.
type Topz struct {
	// Port that answers.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +kubebuilder:default=8077
	Port int32 `json:"port,omitempty"`
}

// A SidecarContainer is a container of your own and what it shares with the pod.
type SidecarContainer struct {
	// Spec is a container as in a pod: image, command, env, volumeMounts … Its
	// name is given; restartPolicy is Always.
	//
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	Spec runtime.RawExtension `json:"spec"`

	// Share are empty folders that it has in common with the pod's containers.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Share []SharedFolder `json:"share,omitempty"`

	// ShareProcesses lets it see and signal the pod's processes.
	//
	// +optional
	ShareProcesses bool `json:"shareProcesses,omitempty"`
}

// A SharedFolder is an emptyDir in the sidecar and in every container of the
// pod that has nothing mounted there.
type SharedFolder struct {
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/[^:]+$`
	Path string `json:"path"`
}

// SidecarStatus says which pods have it.
type SidecarStatus struct {
	// ObservedGeneration is that of the spec which this status is about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Use names the field of spec.use that is set.
	//
	// +optional
	Use string `json:"use,omitempty"`

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

// SidecarList is a list of Sidecars.
//
// +kubebuilder:object:root=true
type SidecarList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Sidecar `json:"items"`
}
