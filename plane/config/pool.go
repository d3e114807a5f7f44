package config

// A Pool is a set of endpoints that can answer for each other, or a ring of
// shards that cannot.
type Pool struct {
	Name      string     `json:"name"`
	Endpoints []Endpoint `json:"endpoints"`
	Balance   Balance    `json:"balance,omitzero"`
	Health    Health     `json:"health,omitzero"`
	Limits    Limits     `json:"limits,omitzero"`
	TLS       *ClientTLS `json:"tls,omitempty"`
	HTTP2     bool       `json:"http2,omitempty"` // speak HTTP/2 to the endpoints, as gRPC needs

	ConnectTimeout Duration `json:"connectTimeout,omitempty"` // 0: 1s
	Timeout        Duration `json:"timeout,omitempty"`        // of one answer; 0: 15s for http, 5s for redis and memcache; a route's goes before it
	SendProxy      int      `json:"sendProxy,omitempty"`      // 1 or 2: begin connections with a PROXY header

	// Redis only.
	Password     string `json:"password,omitempty"` // never shown; PasswordFile wins
	PasswordFile string `json:"passwordFile,omitempty"`
	Username     string `json:"username,omitempty"`
	Database     int    `json:"database,omitempty"`

	// Previous is the ring before a reshard: while it is set, a key that has
	// not moved yet is answered by its old owner.
	Previous *Previous `json:"previous,omitempty"`
}

// A Previous is the ring that a reshard leaves.
type Previous struct {
	Endpoints []Endpoint `json:"endpoints"`
	Balance   Balance    `json:"balance"`
}

// An Endpoint is one address that answers.
type Endpoint struct {
	Name    string   `json:"name,omitempty"`   // what a ring places by; none: the address
	Address string   `json:"address"`          // host:port, or unix:/path
	Weight  int      `json:"weight,omitempty"` // 0: 1
	Drain   bool     `json:"drain,omitempty"`  // gets nothing new
	Copies  []string `json:"copies,omitempty"` // further addresses with the same data: replicas of a shard, for reads
}

// A Balance says which endpoint gets a request.
type Balance struct {
	Algorithm string `json:"algorithm,omitempty"` // see the constants; none: leastRequest

	// Rings only.
	Hash        string  `json:"hash,omitempty"`        // none: fnv1a_64
	HashTag     string  `json:"hashTag,omitempty"`     // two characters, as {}: only what stands between them places a key
	BoundedLoad float64 `json:"boundedLoad,omitempty"` // an endpoint above this multiple of the mean passes on to the next; 0: no bound
	EjectHosts  bool    `json:"ejectHosts,omitempty"`  // keys of an ejected endpoint go to the others; else they fail
	Compatible  bool    `json:"compatible,omitempty"`  // place each key where twemproxy does, its quirks included
}

// The algorithms of Balance.
const (
	LeastRequest = "leastRequest" // the less busy of two drawn by chance
	RoundRobin   = "roundRobin"
	Random       = "random"
	Ketama       = "ketama"
	Modula       = "modula"
	Maglev       = "maglev"
	Jump         = "jump"
)

// Hashes are those of Balance.Hash, as twemproxy names them.
var Hashes = []string{
	"one_at_a_time", "md5", "crc16", "crc32", "crc32a", "fnv1_64", "fnv1a_64", "fnv1_32", "fnv1a_32",
	"hsieh", "murmur", "jenkins", "xxh64",
}

// A Health says when an endpoint gets nothing.
type Health struct {
	// Passive: so many failures in a row eject an endpoint for EjectFor, longer
	// each time up to ten times that; never more than MaxEjected percent.
	Failures   int      `json:"failures,omitempty"`   // 0: 5; less than 0: never
	EjectFor   Duration `json:"ejectFor,omitempty"`   // 0: 2s
	MaxEjected int      `json:"maxEjected,omitempty"` // percent; 0: 50, and 100 for rings

	Active *ActiveCheck `json:"active,omitempty"`
}

// An ActiveCheck asks an endpoint by itself.
type ActiveCheck struct {
	Path      string   `json:"path,omitempty"`      // http: a GET that answers 200 to 399; none: a connection is enough (redis: PING)
	Interval  Duration `json:"interval,omitempty"`  // 0: 2s
	Timeout   Duration `json:"timeout,omitempty"`   // 0: 1s
	Unhealthy int      `json:"unhealthy,omitempty"` // failures that eject; 0: 2
	Healthy   int      `json:"healthy,omitempty"`   // successes that bring back; 0: 1
}

// Limits break the circuit: what is above them fails at once.
type Limits struct {
	MaxConnections int `json:"maxConnections,omitempty"` // to one endpoint; 0: 1024
	MaxRequests    int `json:"maxRequests,omitempty"`    // in flight to the pool; 0: no bound
	MaxPending     int `json:"maxPending,omitempty"`     // waiting for a connection; 0: 1024
}

// A ClientTLS speaks TLS to endpoints.
type ClientTLS struct {
	ServerName string `json:"serverName,omitempty"` // none: the host of the endpoint
	CAFile     string `json:"caFile,omitempty"`     // none: the system's authorities
	CertFile   string `json:"certFile,omitempty"`
	KeyFile    string `json:"keyFile,omitempty"`
	Insecure   bool   `json:"insecure,omitempty"` // any certificate is accepted
}
