package v1alpha1

// The marks of the patterns on pods and objects.
const (
	// PatternLabel, on the objects that a pattern makes: its kind in lower case.
	// PatternNameLabel holds its name.
	PatternLabel     = "nagi.dev/pattern"
	PatternNameLabel = "nagi.dev/pattern-name"

	PatternOwner = "nagi-patterns" // the field owner of all objects of patterns
	Audience     = "nagi.dev"      // of the tokens by which planes prove who they are
)

// SystemNamespaces are those that no kind reaches into.
var SystemNamespaces = []string{"kube-system", "nagi-system"}

// PodsStatus counts the pods that a kind selects.
type PodsStatus struct {
	// Selected pods, terminating ones left out.
	//
	// +optional
	Selected int32 `json:"selected,omitempty"`

	// Injected of them: the kind is in them.
	//
	// +optional
	Injected int32 `json:"injected,omitempty"`

	// Missed of them: they were made before the kind, or while the platform was
	// away.
	//
	// +optional
	Missed int32 `json:"missed,omitempty"`

	// Outdated of the injected: they carry what an earlier version of the kind or
	// of Nagi put in.
	//
	// +optional
	Outdated int32 `json:"outdated,omitempty"`
}

// The reasons of a pattern's conditions.
const (
	ReasonInjected  = "Injected"        // every selected pod carries it
	ReasonNoPods    = "NoPods"          // nothing is selected yet
	ReasonMissed    = "PodsMissed"      // pods were made before it, or while the platform was away
	ReasonOutdated  = "PodsOutdated"    // pods carry what an earlier version put in
	ReasonReplacing = "ReplacingPods"   // pods are being replaced or upgraded
	ReasonSpec      = "InvalidSpec"     // the spec asks for what cannot be
	ReasonNamespace = "SystemNamespace" // nothing is injected in its namespace
)

// A SecretKey names one value of a Secret in the same namespace.
type SecretKey struct {
	// Name of the Secret.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Key of its data.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`
}
