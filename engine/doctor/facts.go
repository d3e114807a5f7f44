package doctor

import (
	"net/netip"
	"time"
)

// Facts is what was seen of a machine. A fact that could not be looked at has
// a zero value that finds nothing, unless its comment says otherwise.
type Facts struct {
	UID int
	Now time.Time

	// What a node needs of the kernel: feature to the error of a trial.
	Lacking map[string]string

	Tools map[string]bool // needed programs: whether they are in PATH

	Cgroups Cgroups

	// Whether forwarding is on, and whether it can be turned on.
	Forwarding, ForwardingWritable bool

	InotifyInstances, InotifyWatches int64 // limits; 0: unknown

	MemoryTotal, MemoryAvailable int64 // bytes; 0: unknown

	Disk Disk

	Listeners []Listener

	Server Server
	Data   Data
}

// Cgroups says how the machine limits processes.
type Cgroups struct {
	Version     int      // 0: none is mounted
	Controllers []string // that a pod could use
	ReadOnly    bool
}

// A Disk is the file system on which the data folder lies or would lie.
type Disk struct {
	Known      bool
	Free       int64 // bytes an ordinary program may use
	FreeInodes int64 // -1: the file system does not count them
	Type       string
	ReadOnly   bool
}

// A Listener is a socket that waits for connections.
type Listener struct {
	Addr    netip.AddrPort
	Proto   string
	PID     int // 0: unknown
	Process string
}

// A Server is one that holds the data folder.
type Server struct {
	Running bool
	PID     int // 0: unknown
}

// Data says how the data folder is.
type Data struct {
	Exists                  bool
	NotAFolder, NotWritable bool
	Damages                 []Damage
	CAStart                 time.Time // of the cluster's own authority; zero: there is none
}

// A Damage is a file of the data folder that a server could not use.
type Damage struct {
	File    string
	Problem string
}
