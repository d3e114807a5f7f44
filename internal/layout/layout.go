// Package layout says where everything of a Nagi server lies on disk. It
// reads and writes nothing. Start with For.
package layout

import "path/filepath"

// The places used when no --data-dir is given.
const (
	DefaultData       = "/var/lib/nagi"
	DefaultRun        = "/run/nagi"
	DefaultKubeconfig = "/etc/nagi/kubeconfig"
)

// Dirs names the folders and files of one server. Every path is absolute.
type Dirs struct {
	Data       string // everything that outlives a restart
	Run        string // sockets and the status file; gone after a power-off
	Kubeconfig string // the administrator's, mode 0600
}

// For returns the places of the server whose state lies in dataDir; "" means
// DefaultData. Another data folder keeps its sockets and its kubeconfig inside
// itself, so that several servers can live on one machine.
func For(dataDir string) Dirs {
	if dataDir == "" || filepath.Clean(dataDir) == DefaultData {
		return Dirs{Data: DefaultData, Run: DefaultRun, Kubeconfig: DefaultKubeconfig}
	}
	abs, err := filepath.Abs(dataDir)
	if err != nil { // only without a working directory
		abs = filepath.Clean(dataDir)
	}
	return Dirs{Data: abs, Run: filepath.Join(abs, "run"), Kubeconfig: filepath.Join(abs, "kubeconfig")}
}

func (d Dirs) PKI() string        { return filepath.Join(d.Data, "pki") }        // certificates and keys
func (d Dirs) Etcd() string       { return filepath.Join(d.Data, "etcd") }       // the store of the API
func (d Dirs) Bin() string        { return filepath.Join(d.Data, "bin") }        // runc, shim, CNI plugins
func (d Dirs) Containerd() string { return filepath.Join(d.Data, "containerd") } // images and containers
func (d Dirs) Kubelet() string    { return filepath.Join(d.Data, "kubelet") }    // pods' volumes
func (d Dirs) Volumes() string    { return filepath.Join(d.Data, "volumes") }    // persistent volumes
func (d Dirs) Log() string        { return filepath.Join(d.Data, "log") }        // one file a process

// ContainerdSocket is the gRPC address of containerd, without unix://.
func (d Dirs) ContainerdSocket() string { return filepath.Join(d.Run, "containerd.sock") }

// Status is the file that a running server keeps; see package status.
func (d Dirs) Status() string { return filepath.Join(d.Run, "status.json") }

// Lock is held by the one server of this data folder.
func (d Dirs) Lock() string { return filepath.Join(d.Data, "lock") }

// Build is what the builder of images keeps: its cache and its own state.
func (d Dirs) Build() string { return filepath.Join(d.Data, "build") }

// BuildTemp is where the builder mounts while it works.
func (d Dirs) BuildTemp() string { return filepath.Join(d.Data, "build", "tmp") }

// BuildRun holds the networks of build steps.
func (d Dirs) BuildRun() string { return filepath.Join(d.Run, "build") }

// BuildSocket is where builds are asked for, without unix://.
func (d Dirs) BuildSocket() string { return filepath.Join(d.Run, "build.sock") }

// Registries is how images are fetched, in containerd's words.
func (d Dirs) Registries() string { return filepath.Join(d.Data, "registries") }
