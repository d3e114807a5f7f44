package config

// A Config is everything that one plane does. It is applied whole or not at all.
type Config struct {
	Version   string     `json:"version,omitempty"` // shown at /config; says nothing to the plane
	Listeners []Listener `json:"listeners,omitempty"`
	Pools     []Pool     `json:"pools,omitempty"`
}

// A Protocol is what is spoken behind a Listener.
type Protocol string

// The protocols of a Listener.
const (
	HTTP     Protocol = "http"     // HTTP/1.1, HTTP/2 (with TLS or prior knowledge), WebSocket, gRPC
	Redis    Protocol = "redis"    // RESP2 and RESP3
	Memcache Protocol = "memcache" // text and meta commands
	TCP      Protocol = "tcp"      // bytes
)

// A Listener accepts connections of one protocol.
type Listener struct {
	Name     string   `json:"name"` // unique; it lives on when a later document names it with the same address
	Address  string   `json:"address"`
	Protocol Protocol `json:"protocol"`

	TLS            *ServerTLS `json:"tls,omitempty"`
	ProxyProtocol  bool       `json:"proxyProtocol,omitempty"` // each connection begins with a PROXY header, version 1 or 2
	MaxConnections int        `json:"maxConnections,omitempty"`
	IdleTimeout    Duration   `json:"idleTimeout,omitempty"`   // 0: 1h; a client that sends nothing
	HeaderTimeout  Duration   `json:"headerTimeout,omitempty"` // 0: 10s; a client that begins a request and does not end its head
	RateLimit      *RateLimit `json:"rateLimit,omitempty"`

	// Redis only: clients must give it first. Of both, PasswordFile wins.
	Password     string `json:"password,omitempty"`
	PasswordFile string `json:"passwordFile,omitempty"`

	SocketMode string `json:"socketMode,omitempty"` // of a unix: address, octal as "0660"; none: what umask leaves

	// TrustedHops is how many proxies in front are believed about
	// X-Forwarded-*: 0 means none, and what clients sent there is replaced.
	TrustedHops int `json:"trustedHops,omitempty"`

	// Routes are tried in order. Only http has more than one.
	Routes []Route `json:"routes"`
}

// A ServerTLS ends TLS. The files are read again when they change.
type ServerTLS struct {
	CertFile     string   `json:"certFile"`
	KeyFile      string   `json:"keyFile"`
	ClientCAFile string   `json:"clientCAFile,omitempty"` // asks clients for a certificate of this authority
	MinVersion   string   `json:"minVersion,omitempty"`   // "1.2" (the default) or "1.3"
	ALPN         []string `json:"alpn,omitempty"`         // none: h2 and http/1.1 for http
}

// A Route says where what matches goes, and under which policies.
type Route struct {
	Name  string `json:"name,omitempty"`  // in metrics; none: its index
	Match *Match `json:"match,omitempty"` // none: everything

	// Arms share the requests by weight. One of arms and scatter is set.
	Arms    []Arm    `json:"arms,omitempty"`
	Sticky  *Sticky  `json:"sticky,omitempty"` // keeps a client on its arm, and within it on its endpoint
	Scatter *Scatter `json:"scatter,omitempty"`

	Key   string     `json:"key,omitempty"` // what rings place by: path, query:NAME, header:NAME, cookie:NAME, address
	Tee   *Tee       `json:"tee,omitempty"`
	Cache *Cache     `json:"cache,omitempty"`
	Retry *Retry     `json:"retry,omitempty"`
	Hedge *Hedge     `json:"hedge,omitempty"`
	Limit *RateLimit `json:"limit,omitempty"`

	Timeout     Duration `json:"timeout,omitempty"`     // from the request's end to the answer's head; 0: 15s, less than 0: none
	MaxBodySize int64    `json:"maxBodySize,omitempty"` // bytes; http: 0 is no bound, more is answered 413; redis, memcache: of a request or a reply, 0: 64 MiB

	SetRequestHeaders     map[string]string `json:"setRequestHeaders,omitempty"`
	RemoveRequestHeaders  []string          `json:"removeRequestHeaders,omitempty"`
	SetResponseHeaders    map[string]string `json:"setResponseHeaders,omitempty"`
	RemoveResponseHeaders []string          `json:"removeResponseHeaders,omitempty"`
}

// A Match is true when all of its fields are.
type Match struct {
	Host    string            `json:"host,omitempty"` // without port; *.example.com matches names below it
	Path    string            `json:"path,omitempty"` // a prefix of whole segments; "=/x" is exact
	Methods []string          `json:"methods,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // exact values; "*" is any
}

// An Arm is one way of a split.
type Arm struct {
	Pool   string `json:"pool"`
	Weight int    `json:"weight,omitempty"` // 0: 1
}

// A Sticky says how a client is known again.
type Sticky struct {
	By   string   `json:"by"`             // address, cookie or header
	Name string   `json:"name,omitempty"` // of the cookie (none: nagi) or header
	TTL  Duration `json:"ttl,omitempty"`  // of the cookie; 0: the browser's session
}

// A Tee sends a copy of requests to a second pool and compares the answers.
// The client only ever sees the first.
type Tee struct {
	Pool          string   `json:"pool"`
	Percent       float64  `json:"percent,omitempty"` // 0: 100
	Compare       bool     `json:"compare,omitempty"`
	IgnoreHeaders []string `json:"ignoreHeaders,omitempty"` // besides date, and what belongs to a connection
	IgnorePaths   []string `json:"ignorePaths,omitempty"`   // of JSON answers: $.id, $.items[*].at
	MaxBody       int64    `json:"maxBody,omitempty"`       // compared of each answer; 0: 64 KiB
	Samples       int      `json:"samples,omitempty"`       // differences kept; 0: 32
}

// A Cache keeps answers as RFC 9111 allows a shared cache.
type Cache struct {
	Size       int64    `json:"size"`                 // bytes of memory
	MaxObject  int64    `json:"maxObject,omitempty"`  // 0: 1 MiB
	DefaultTTL Duration `json:"defaultTTL,omitempty"` // of answers that say nothing; 0: heuristic, as the RFC has it
	Stale      Duration `json:"stale,omitempty"`      // served while one request asks anew, where the answer does not say
	KeyHeaders []string `json:"keyHeaders,omitempty"` // part of the key besides method, host and target
}

// A Retry tries again what failed before any of the answer was passed on.
type Retry struct {
	Attempts int      `json:"attempts,omitempty"` // besides the first; 0: 2
	Budget   float64  `json:"budget,omitempty"`   // percent of requests that may be retries; 0: 20
	On       []string `json:"on,omitempty"`       // connect, reset, timeout, 502, 503, 504; none: connect, reset, 503
	Unsafe   bool     `json:"unsafe,omitempty"`   // also methods that are not idempotent, after a request was sent
}

// A Hedge asks a second endpoint when the first is slow, and takes the first answer.
type Hedge struct {
	After    Duration `json:"after,omitempty"`    // fixed; 0: by quantile
	Quantile float64  `json:"quantile,omitempty"` // of the latency seen; 0: 0.95
	Budget   float64  `json:"budget,omitempty"`   // percent of requests that may be hedged; 0: 2
}

// A RateLimit answers 429 (or closes) above a rate.
type RateLimit struct {
	PerSecond float64 `json:"perSecond"`
	Burst     int     `json:"burst,omitempty"`   // 0: one second's worth
	By        string  `json:"by,omitempty"`      // address, header:NAME; none: all together
	MaxKeys   int     `json:"maxKeys,omitempty"` // known at once; 0: 65536, the longest idle is forgotten
}

// A Scatter sends each request to all leaves and merges the answers.
type Scatter struct {
	Leaves      []Leaf   `json:"leaves"`
	Deadline    Duration `json:"deadline,omitempty"`    // 0: 500ms
	MinCoverage float64  `json:"minCoverage,omitempty"` // 0 to 1; below it the answer is 503; 0: one leaf suffices
	Merge       Merge    `json:"merge"`
	MaxLeafBody int64    `json:"maxLeafBody,omitempty"` // 0: 4 MiB
}

// A Leaf holds a part of the data (or all of it); its pool holds its replicas.
type Leaf struct {
	Name   string  `json:"name"`
	Pool   string  `json:"pool"`
	Weight float64 `json:"weight,omitempty"` // its share of the data in the coverage; 0: 1
}

// A Merge makes one answer of many.
type Merge struct {
	Builtin string `json:"builtin,omitempty"` // concat, topK, sum, deep
	Path    string `json:"path,omitempty"`    // of the list or number in each answer: $.hits
	By      string `json:"by,omitempty"`      // topK: the field to order by, highest first; -field: lowest first
	Limit   int    `json:"limit,omitempty"`   // topK; 0: 10
	URL     string `json:"url,omitempty"`     // a container that merges: gets all answers by POST
	WASM    string `json:"wasm,omitempty"`    // file of a WebAssembly module that does
}
