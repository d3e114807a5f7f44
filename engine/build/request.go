package build

import "io"

// A Request is one image to make.
type Request struct {
	Context    string            // folder
	Dockerfile string            // file; "": Dockerfile in Context
	Inline     string            // the text of the Dockerfile, instead of a file
	Target     string            // stage; "": the last
	Tags       []string          // names of the image; the first is also its name by digest
	Args       map[string]string // build arguments
	Labels     map[string]string
	Contexts   map[string]string // by name: a folder, or docker-image://NAME
	Secrets    map[string][]byte // by id
	Network    string            // "", none or host
	AllowHost  bool              // a step may ask for the machine's network
	ExtraHosts []string          // NAME=ADDRESS
	Ulimits    []string          // NAME=SOFT[:HARD]
	ShmSize    int64             // bytes; 0: the usual
	Platform   string            // "": this machine's
	NoCache    bool
	NoCacheOf  []string // stages built anew
	Pull       bool     // ask registries even for images that are here
	CacheFrom  []map[string]string
	CacheTo    []map[string]string

	Progress string    // auto, plain or quiet
	Out      io.Writer // gets the progress
}

// A Result is the image that was made.
type Result struct {
	Digest string
	Names  []string // as in the pods' store
}
