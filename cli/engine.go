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

	// PlaneImage writes the image of nagi-plane under a name, as an archive.
	PlaneImage(w io.Writer, name string) error

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
