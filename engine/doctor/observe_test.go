package doctor

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"nagi.dev/engine/config"
	"nagi.dev/internal/layout"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestListenersKnowTheirProcess(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	want := l.Addr().(*net.TCPAddr).AddrPort()
	all := listeners("/proc")
	i := slices.IndexFunc(all, func(l Listener) bool { return l.Addr == want })
	if i < 0 {
		t.Fatalf("listeners = %v, want %s among them", all, want)
	}
	if got := all[i]; got.PID != os.Getpid() || got.Process == "" || got.Proto != "tcp" {
		t.Errorf("listener = %+v, want it held by pid %d", got, os.Getpid())
	}
}

func TestSocketLine(t *testing.T) {
	line := "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4242 1"
	if _, _, ok := socketLine("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"); ok {
		t.Error("the heading was read as a socket")
	}
	addr, inode, ok := socketLine(line)
	if want := netip.MustParseAddrPort("[::1]:8080"); !ok || addr != want || inode != "4242" {
		t.Errorf("socketLine = %s %s %v, want %s 4242", addr, inode, ok, want)
	}
}

func TestServerOfSeesTheLock(t *testing.T) {
	d := layout.For(t.TempDir())
	if s := serverOf(d); s.Running {
		t.Errorf("serverOf an empty folder = %+v", s)
	}
	write(t, d.Lock(), strconv.Itoa(os.Getpid()))
	f, err := os.Open(d.Lock())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s := serverOf(d); s.Running {
		t.Errorf("serverOf a lock that nobody holds = %+v", s)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if s := serverOf(d); s != (Server{Running: true, PID: os.Getpid()}) {
		t.Errorf("serverOf a held lock = %+v, want this process", s)
	}
}

func TestDataOf(t *testing.T) {
	fresh := layout.For(t.TempDir())
	if d := dataOf(fresh); len(d.Damages) != 0 || !d.Exists {
		t.Errorf("a fresh folder: %+v", d)
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if d := dataOf(layout.For(file)); !d.NotAFolder {
		t.Errorf("a file: %+v", d)
	}
	if d := dataOf(layout.For(filepath.Join(file, "below"))); !d.NotAFolder {
		t.Errorf("below a file: %+v", d)
	}
}

func TestDamages(t *testing.T) {
	const db, wal = "etcd/member/snap/db", "etcd/member/wal/0.wal"
	meta := func(transactions byte) string {
		page := make([]byte, 4096)
		binary.NativeEndian.PutUint32(page[16:], 0xED0CDAED)
		binary.NativeEndian.PutUint64(page[64:], uint64(transactions))
		return string(page)
	}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"a first start that was cut off leaves none", map[string]string{db: meta(3)}, nil},
		{"a store and its log are well", map[string]string{db: meta(200), wal: "log"}, nil},
		{"a store that lost its log", map[string]string{db: meta(200)}, []string{"wal: it holds no log"}},
		{"a log without its store", map[string]string{wal: "log"}, []string{"db: no such file or directory"}},
		{"a store that was emptied", map[string]string{db: "", wal: "log"}, []string{"db: it is no store of etcd"}},
		{"a store that was written over", map[string]string{db: "garbage", wal: "log"}, []string{"db: it is no store of etcd"}},
		{
			"an authority that cannot be read",
			map[string]string{"pki/ca.crt": "garbage", "pki/ca.key": "garbage"},
			[]string{"ca.crt: tls: failed to find any PEM data in certificate input"},
		},
		{"half an authority", map[string]string{"pki/front-proxy-ca.key": "x"}, []string{"front-proxy-ca.crt: no such file or directory"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				write(t, filepath.Join(dir, name), text)
			}
			var got []string
			for _, d := range dataOf(layout.For(dir)).Damages {
				got = append(got, filepath.Base(d.File)+": "+d.Problem)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("damages = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDiskOfAFolderStillToBeMade(t *testing.T) {
	dir := t.TempDir()
	if d := diskOf(filepath.Join(dir, "not", "yet")); !d.Known || d.Free <= 0 {
		t.Errorf("disk = %+v", d)
	}
}

func TestCgroupsOf(t *testing.T) {
	dir := t.TempDir()
	info := filepath.Join(dir, "mountinfo")
	write(t, info, "30 25 0:26 / "+dir+" rw - cgroup cgroup rw,memory\n31 25 0:27 / "+dir+" rw - cgroup cgroup rw,cpu,cpuacct\n32 1 0:1 / / rw - ext4 /dev/vda rw\n")
	c := cgroupsOf(filepath.Join(dir, "none"), info, "/nagi")
	if c.Version != 1 || !slices.Contains(c.Controllers, "memory") || !slices.Contains(c.Controllers, "cpuacct") {
		t.Errorf("v1: %+v", c)
	}
	write(t, filepath.Join(dir, "lab", "cgroup.controllers"), "cpu memory pids\n")
	if c := cgroupsOf(dir, info, "/lab/nagi"); c.Version != 2 || !slices.Equal(c.Controllers, []string{"cpu", "memory", "pids"}) {
		t.Errorf("v2: %+v", c)
	}
}

func TestForNamesThePortsOfANodeOnlyWhereThereIsOne(t *testing.T) {
	c := config.Config{Dirs: layout.For(t.TempDir()), APIPort: 6443}
	if n := len(For(c).Ports); n < 5 {
		t.Errorf("a node binds %d ports", n)
	}
	c.ControlOnly = true
	if n := len(For(c).Ports); n != 1 {
		t.Errorf("an API server alone binds %d ports, want 1", n)
	}
}

// Whatever machine this is: looking at it ends, and every finding is complete.
func TestCheck(t *testing.T) {
	for _, f := range Check(For(config.Config{Dirs: layout.For(t.TempDir()), CgroupRoot: "/nagi"})) {
		t.Logf("%+v", f)
		if f.Name == "" || f.Problem == "" || f.Remedy == "" {
			t.Errorf("finding %+v has a gap", f)
		}
	}
}
