package v1alpha1

// The labels, annotations and field owners by which the objects of a stack are
// known.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by" // on all objects: ManagedBy
	ManagedBy      = "nagi"
	StackLabel     = "nagi.dev/stack"   // on all objects: the project's name
	ServiceLabel   = "nagi.dev/service" // on all objects of a service, and its pods
	AliasPrefix    = "alias.nagi.dev/"  // on pods: one label a network alias, its value empty

	// HashAnnotation, on a Job: the hash of what it was made from, for a Job's
	// template cannot be changed. On a pod template: the hash of what it waits for.
	HashAnnotation = "nagi.dev/hash"

	// AppliedAnnotation, on all objects that a controller keeps: the hash of what
	// it last applied, so that a field which left the file is noticed.
	AppliedAnnotation = "nagi.dev/applied"

	// ManualAnnotation, on a CronJob: "false" when nobody but its schedule may
	// start the job.
	ManualAnnotation = "nagi.dev/manual"

	StackOwner  = "nagi-stack"  // the field owner of all objects of a stack
	DeployOwner = "nagi-deploy" // the field owner of a Stack and its assets
)
