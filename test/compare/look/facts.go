package look

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"time"
)

// Facts are how a container is, seen by its first process.
type Facts struct {
	Started  time.Time         // when the process began
	Argv     []string          // its command line
	PID      int               // 1, unless something else is the container's init
	Env      []string          // NAME=value
	UID, GID int               //
	Groups   []int             // supplementary
	Dir      string            // where it runs
	Hostname string            //
	CapEff   uint64            // what it may do, one bit a capability
	CapBnd   uint64            // what a program with set-user-ID could
	NoNew    bool              // no_new_privs
	Limits   map[string]string // "nofile": "1024 4096", soft and hard; "unlimited" as the kernel says it
	Sysctls  map[string]string // of Config.Sysctls, as /proc/sys holds them
	Mounts   []Mount           //
	Paths    map[string]Path   // of Config.Paths
	Hosts    string            // /etc/hosts
	Resolv   string            // /etc/resolv.conf
	Shm      uint64            // bytes of /dev/shm
}

// A Mount is a line of mountinfo.
type Mount struct {
	At       string // in the container
	Device   string // major:minor
	Root     string // the folder of the file system that is mounted
	Type     string // ext4, tmpfs
	ReadOnly bool
}

// A Path is what lies somewhere.
type Path struct {
	Exists   bool
	Folder   bool
	Mode     uint32 // permission bits
	UID, GID int
	Digest   string // of the content: a file's, or of all names and files below a folder
}

// A Config is what an image tells its stand-in: /standin.json.
type Config struct {
	Image   string
	Ports   []int               // to listen on
	Delay   time.Duration       // from the start until it answers
	Once    []string            // command lines, joined with a blank, that end with code 0
	Checks  map[string][]string // command lines of health checks, by program
	Paths   []string            // to tell of
	Sysctls []string            // to tell of
}

// SidePort is where every stand-in listens besides, to be asked whether a
// network reaches it.
const SidePort = 61999

// The words that begin the lines of a stand-in's log.
const (
	factsMark = "stand-in facts "
	openMark  = "stand-in open "
)

// WriteFacts prints the facts as one line.
func WriteFacts(w io.Writer, f Facts) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, factsMark+string(b)+"\n")
	return err
}

// WriteOpen prints that the stand-in answers from now on.
func WriteOpen(w io.Writer, now time.Time) error {
	_, err := io.WriteString(w, openMark+now.Format(time.RFC3339Nano)+"\n")
	return err
}

// Read finds the facts in a log, and when the stand-in began to answer. nil:
// it says nothing.
func Read(log io.Reader) (f *Facts, open time.Time) {
	s := bufio.NewScanner(log)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		if text, ok := strings.CutPrefix(s.Text(), factsMark); ok && f == nil {
			var got Facts
			if json.Unmarshal([]byte(text), &got) == nil {
				f = &got
			}
		}
		if text, ok := strings.CutPrefix(s.Text(), openMark); ok && open.IsZero() {
			open, _ = time.Parse(time.RFC3339Nano, text) // the zero time: it never opened
		}
	}
	return f, open
}
