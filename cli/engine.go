package cli

import (
	"context"
	"io"
	"time"
)

// An Engine is the Kubernetes behind the command line. It stands in another
// module, so that this one stays light; cmd joins both.
type Engine interface {
	// Serve runs a server until ctx ends.
	Serve(ctx context.Context, c ServerConfig) error

	// Check lists what this machine lacks for a server; it changes nothing.
	Check(c ServerConfig) []Finding

	// StopPods ends the containers that a stopped server left running.
	StopPods(ctx context.Context, dataDir string) error

	// Wipe removes all that a stopped server left: containers, mounts,
	// bridges, firewall tables, cgroups, folders.
	Wipe(ctx context.Context, dataDir string, progress func(string)) error

	// Images opens the image store of a running server.
	Images(dataDir string) (ImageStore, error)

	// Build makes an image for the pods of a running server. How it goes, and
	// the lines of the Dockerfile at which it failed, are written to progress.
	Build(ctx context.Context, dataDir string, b Build, progress io.Writer) (Built, error)

	// SaveImages writes images of the system as one archive.
	SaveImages(w io.Writer, images []SystemImage) error

	// PushImage brings an image of the system to the registry that its name
	// begins with.
	PushImage(ctx context.Context, image SystemImage) error

	// Platform keeps the kinds of Nagi on the cluster that it runs in, until
	// ctx ends.
	Platform(ctx context.Context, c PlatformConfig) error

	// Kubectl runs the real kubectl and returns its exit code.
	Kubectl(args []string, in io.Reader, out, err io.Writer) int
}

// A ServerConfig is what a server is asked to be. Flags, NAGI_* variables and
// /etc/nagi/config.yaml name the same keys.
type ServerConfig struct {
	DataDir      string        // "": layout.DefaultData
	Listen       []string      // addresses beyond this machine; none: closed
	APIPort      int           // 0: any free port
	ControlOnly  bool          // an API server without a node, as any user
	NodeName     string        // "": the host's name
	LogLevel     string        // debug, info, warn or error
	CertLifetime time.Duration // of leaf certificates
	Bare         bool          // Kubernetes alone, without the kinds of Nagi
	BuildIdle    time.Duration // how long the builder waits for the next build
	BuildAsRoot  bool          // steps of builds are root of the machine
}

// A PlatformConfig is what the platform on a foreign cluster is asked to be.
type PlatformConfig struct {
	Kubeconfig string // "": that of the pod it runs in
	Context    string
	PlaneImage string // of nagi-plane, in pods
	Health     string // address where it says that it runs; "": nowhere
}

// A SystemImage is one of the images that the program makes of itself.
type SystemImage struct {
	What string // plane or platform
	Name string // in full: "registry.example/team/plane:1.0.0"
}

// A Finding is one thing that stands between this machine and a server.
type Finding struct {
	Name    string `json:"name"`    // what was looked at: "disk"
	Problem string `json:"problem"` // what is wrong with it
	Remedy  string `json:"remedy"`  // what to do about it
	Fatal   bool   `json:"fatal"`   // a server would not run
}

// An ImageStore holds the images of a server.
type ImageStore interface {
	List(ctx context.Context) ([]Image, error)

	// Import reads an OCI or Docker archive and returns the names in it.
	Import(ctx context.Context, archive io.Reader) ([]string, error)

	// Remove forgets name; one that is not there is an error.
	Remove(ctx context.Context, name string) error

	Close() error
}

// An Image is one named image of an ImageStore.
type Image struct {
	Name    string    `json:"name"`
	Digest  string    `json:"digest"`
	Size    int64     `json:"size"` // bytes, as stored
	Created time.Time `json:"created,omitzero"`
}

// A Build is one image to make of a Dockerfile.
type Build struct {
	Context    string            // folder
	Dockerfile string            // "": Dockerfile in Context
	Inline     string            // the text of the Dockerfile, instead of a file
	Target     string            // stage; "": the last
	Tags       []string          // at least one
	Args       map[string]string // build arguments
	Labels     map[string]string
	Contexts   map[string]string // by name: a folder, or docker-image://NAME
	Secrets    map[string][]byte // by id
	Network    string            // of the steps: "", none or host
	AllowHost  bool              // a step may ask for the machine's network
	ExtraHosts []string          // NAME=ADDRESS
	Ulimits    []string          // NAME=SOFT[:HARD]
	ShmSize    int64             // bytes; 0: the usual
	Platform   string            // "": this machine's
	NoCache    bool
	NoCacheOf  []string            // stages that are built anew
	Pull       bool                // ask registries even for base images that are here
	CacheFrom  []map[string]string // type=local and its fields
	CacheTo    []map[string]string
	Progress   string // auto, plain or quiet
}

// A Built is an image that was made.
type Built struct {
	Digest string
	Names  []string // the first one holds the digest
}
