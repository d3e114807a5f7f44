package v1alpha1

// The labels, annotations and field owners by which the objects of a stack are
// known.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by" // on all objects: ManagedBy
	ManagedBy      = "nagi"
	StackLabel     = "nagi.dev/stack"   // on all objects: the project's name
	ServiceLabel   = "nagi.dev/service" // on all objects of a service, and its pods
	AliasPrefix    = "alias.nagi.dev/"  // on pods: one label a network alias, its value empty

	// JoinedPrefix, on workloads and pods: one label for each further service that
	// runs in the pods, its value empty. ServiceLabel names the one they belong to.
	JoinedPrefix = "joined.nagi.dev/"

	// On pods: one label a network, its value empty. The second is of networks
	// that several stacks share.
	NetworkPrefix       = "network.nagi.dev/"
	SharedNetworkPrefix = "shared-network.nagi.dev/"

	// HashAnnotation, on a Job: the hash of what it was made from, for a Job's
	// template cannot be changed. On a pod template: the hash of what it waits for.
	HashAnnotation = "nagi.dev/hash"

	// AppliedAnnotation, on all objects that a controller keeps: the hash of what
	// it last applied, so that a field which left the file is noticed.
	AppliedAnnotation = "nagi.dev/applied"

	// ManualAnnotation, on a CronJob: "false" when nobody but its schedule may
	// start the job.
	ManualAnnotation = "nagi.dev/manual"

	// UpdateAnnotation, on a workload: what to do when an update of it fails, as
	// JSON. Its pods carry TemplateAnnotation then.
	UpdateAnnotation = "nagi.dev/update"

	// TemplateAnnotation, on a pod template: its hash, by which the pods of an
	// update are told from those before it.
	TemplateAnnotation = "nagi.dev/template"

	// On the ControllerRevisions that keep the accepted files of a stack.
	RevisionAnnotation  = "nagi.dev/revision"  // its number
	TemplatesAnnotation = "nagi.dev/templates" // the hash of each service's pods, as JSON
	OutcomesAnnotation  = "nagi.dev/outcomes"  // how the update of each service ended, as JSON

	// CauseAnnotation, on a Stack and on the revision it becomes: why, in a few
	// words, when it was no plain deploy.
	CauseAnnotation = "nagi.dev/cause"

	ScaleOwner  = "nagi-scale"  // the field owner of a number of replicas that nagi scale set
	StackOwner  = "nagi-stack"  // the field owner of all objects of a stack
	DeployOwner = "nagi-deploy" // the field owner of a Stack and its assets
)
