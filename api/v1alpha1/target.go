package v1alpha1

// A Target is what a pattern sends requests to. One of service, statefulSet
// and address is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.service), has(self.statefulSet), has(self.address)].filter(x, x).size() == 1",message="set one of service, statefulSet and address"
// +kubebuilder:validation:XValidation:rule="!(has(self.address) && has(self.port))",message="port: an address has one already"
type Target struct {
	// Service of the same namespace. Its ready endpoints are used, not its
	// address.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Service string `json:"service,omitempty"`

	// StatefulSet of the same namespace: each of its replicas is a shard, and
	// stays one while its pod is away.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	StatefulSet string `json:"statefulSet,omitempty"`

	// Address, as host:port.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=260
	// +kubebuilder:validation:Pattern=`^[^:/ ]+:[0-9]+$`
	Address string `json:"address,omitempty"`

	// Port of the Service; none: its first.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// A Ring says which shard a key belongs to.
type Ring struct {
	// Algorithm: ketama and modula place keys as twemproxy does.
	//
	// +optional
	// +kubebuilder:validation:Enum=ketama;modula;maglev;jump
	// +kubebuilder:default=ketama
	Algorithm string `json:"algorithm,omitempty"`

	// Hash of the key, as twemproxy names them; none: fnv1a_64.
	//
	// +optional
	// +kubebuilder:validation:Enum=one_at_a_time;md5;crc16;crc32;crc32a;fnv1_64;fnv1a_64;fnv1_32;fnv1a_32;hsieh;murmur;jenkins;xxh64
	Hash string `json:"hash,omitempty"`

	// HashTag is two characters, as {}: only what stands between them places a
	// key.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2
	HashTag string `json:"hashTag,omitempty"`

	// Eject gives the keys of a shard that fails to the others. It is right for
	// caches and wrong for stores.
	//
	// +optional
	Eject bool `json:"eject,omitempty"`
}

// EndpointsStatus counts what a pattern sends to.
type EndpointsStatus struct {
	// Known endpoints.
	//
	// +optional
	Known int32 `json:"known,omitempty"`

	// Ready of them.
	//
	// +optional
	Ready int32 `json:"ready,omitempty"`
}

// A StickyClient says how a client is known again.
//
// +kubebuilder:validation:XValidation:rule="self.by != 'header' || has(self.name)",message="sticky: name the header"
type StickyClient struct {
	// +kubebuilder:validation:Enum=address;cookie;header
	By string `json:"by"`
	// Name of the cookie or header.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`
}
