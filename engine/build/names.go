package build

// Namespace is the builder's own in containerd: what it keeps there no
// kubelet sees.
const Namespace = "buildkit"

// podNamespace is where pods find their images.
const podNamespace = "k8s.io"

// temporary begins the name of an image between its last step and the moment
// when it gets its names in the pods' store.
const temporary = "build.nagi.dev/"

// network mode and entitlements, as BuildKit spells them.
const (
	insecure         = "security.insecure"
	hostNetwork      = "host"
	allowHostNetwork = "network.host"
)
