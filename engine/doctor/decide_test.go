package doctor

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nagi.dev/internal/layout"
)

var today = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// sound is a machine that lacks nothing.
func sound() Facts {
	return Facts{
		Now: today, Tools: map[string]bool{"nft": true, "mount": true, "umount": true},
		Cgroups:    Cgroups{Version: 2, Controllers: []string{"cpu", "cpuset", "io", "memory", "pids"}},
		Forwarding: true, MemoryTotal: 4 << 30, MemoryAvailable: 2 << 30,
		Disk: Disk{Known: true, Free: 20 << 30, FreeInodes: 1 << 20},
	}
}

func TestDecide(t *testing.T) {
	api := Port{Addr: netip.MustParseAddrPort("127.0.0.1:6443"), Use: "the Kubernetes API", Flag: "--api-port"}
	listens := func(addr, proto string) []Listener {
		return []Listener{{Addr: netip.MustParseAddrPort(addr), Proto: proto, PID: 7, Process: "nginx"}}
	}
	taken := "port: 127.0.0.1:6443, for the Kubernetes API, is taken by nginx (pid 7); stop it, or move with --api-port"
	for _, tt := range []struct {
		name string
		opts func(*Options)
		with func(*Facts)
		want []string // "name: problem; remedy", a warning behind "? "
	}{
		{name: "a sound machine lacks nothing"},
		{
			name: "whoever is not root is told so first",
			with: func(f *Facts) { f.UID, f.Disk.Free, f.Data.NotWritable = 1000, 1<<20, true },
			want: []string{
				"root: a server with a node needs root; run it with sudo, or run an API server alone with --control-only",
				"disk: 1 MB are free for /data; a server needs 500 MB; make room, or choose another --data-dir",
			},
		},
		{
			name: "an API server alone needs neither root nor kernel features",
			opts: func(o *Options) { o.ControlOnly = true },
			with: func(f *Facts) {
				f.UID, f.Cgroups, f.Forwarding = 1000, Cgroups{}, false
				f.Disk.Type, f.Tools = "overlay", map[string]bool{"nft": false}
			},
		},
		{
			name: "a kernel without overlayfs and bridges is named feature by feature",
			with: func(f *Facts) {
				f.Lacking = map[string]string{"bridge": "operation not supported", "overlay": "unknown"}
			},
			want: []string{
				"kernel: overlay does not work: unknown; run modprobe overlay, or use a kernel that has it",
				"kernel: bridge does not work: operation not supported; run modprobe bridge, or use a kernel that has it",
			},
		},
		{
			name: "a missing program is named with its package",
			with: func(f *Facts) { f.Tools["nft"] = false },
			want: []string{"tools: the program nft is missing; install the package nftables"},
		},
		{
			name: "cgroup v1 needs each controller mounted",
			with: func(f *Facts) {
				f.Cgroups = Cgroups{Version: 1, Controllers: []string{"cpu", "cpuacct", "cpuset", "devices", "freezer"}}
			},
			want: []string{"cgroups: controllers are missing: memory, pids; add cgroup_enable=memory to the kernel's command line and start the machine again"},
		},
		{
			name: "cgroup v2 must hand down cpu, memory and pids",
			with: func(f *Facts) { f.Cgroups.Controllers = []string{"cpu", "memory"} },
			want: []string{"cgroups: controllers are missing: pids; turn them on in the kernel or in the cgroup above"},
		},
		{
			name: "no cgroups at all",
			with: func(f *Facts) { f.Cgroups = Cgroups{} },
			want: []string{"cgroups: no cgroup file system is mounted; mount one: mount -t cgroup2 none /sys/fs/cgroup"},
		},
		{
			name: "a container without privilege sees its cgroups read-only",
			with: func(f *Facts) { f.Cgroups.ReadOnly = true },
			want: []string{"cgroups: /sys/fs/cgroup is read-only; mount it writable; in a container, run the container privileged"},
		},
		{
			name: "forwarding that is off and cannot be turned on",
			with: func(f *Facts) { f.Forwarding = false },
			want: []string{"network: packets are not forwarded, and /proc/sys is read-only; run sysctl -w net.ipv4.ip_forward=1 where it can be written"},
		},
		{
			name: "forwarding that is off is turned on by the server itself",
			with: func(f *Facts) { f.Forwarding, f.ForwardingWritable = false, true },
		},
		{
			name: "low inotify limits are only warned of",
			with: func(f *Facts) { f.InotifyInstances = 64 },
			want: []string{"? inotify: at most 64 watchers per user; pods use many; run sysctl -w fs.inotify.max_user_instances=512"},
		},
		{
			name: "a machine of 256 MB is too small",
			with: func(f *Facts) { f.MemoryTotal = 256e6 },
			want: []string{"memory: the machine has 256 MB; a server needs 512 MB; give it more"},
		},
		{
			name: "a full machine is warned of",
			with: func(f *Facts) { f.MemoryAvailable = 100e6 },
			want: []string{"? memory: 100 MB are available; a server takes about 450 MB; stop something, or give the machine more"},
		},
		{
			name: "a disk that will soon be full is warned of",
			with: func(f *Facts) { f.Disk.Free = 800e6 },
			want: []string{"? disk: 800 MB are free for /data; images soon take 1 GB; make room"},
		},
		{
			name: "a disk without room for files is full too",
			with: func(f *Facts) { f.Disk.FreeInodes = 12 },
			want: []string{"disk: room for 12 files only in /data; remove small files, or choose another --data-dir"},
		},
		{
			name: "overlayfs does not stack on overlayfs",
			with: func(f *Facts) { f.Disk.Type = "overlay" },
			want: []string{"disk: containers cannot run from /data: it lies on overlay; choose a --data-dir on ext4, xfs or btrfs"},
		},
		{
			name: "a read-only disk is not also called full",
			with: func(f *Facts) { f.Disk.ReadOnly, f.Disk.Free = true, 0 },
			want: []string{"disk: the file system of /data is read-only; mount it writable, or choose another --data-dir"},
		},
		{
			name: "a clock that was never set",
			with: func(f *Facts) { f.Now = time.Unix(0, 0) },
			want: []string{"clock: it says 1970-01-01; certificates made now would not hold; set it, or let a time service do it"},
		},
		{
			name: "a clock before the server's own certificates",
			with: func(f *Facts) { f.Data.CAStart = today.Add(time.Hour) },
			want: []string{"clock: it says 2026-06-01 12:00:00, before this server's certificates begin (2026-06-01 13:00:00); set it right"},
		},
		{name: "a busy port names who holds it", with: func(f *Facts) { f.Listeners = listens("127.0.0.1:6443", "tcp") }, want: []string{taken}},
		{name: "one that listens on all addresses holds each", with: func(f *Facts) { f.Listeners = listens("0.0.0.0:6443", "tcp") }, want: []string{taken}},
		{name: "so does one on all IPv6 addresses", with: func(f *Facts) { f.Listeners = listens("[::]:6443", "tcp") }, want: []string{taken}},
		{name: "another address is no conflict", with: func(f *Facts) { f.Listeners = listens("192.0.2.1:6443", "tcp") }},
		{name: "another protocol is no conflict", with: func(f *Facts) { f.Listeners = listens("127.0.0.1:6443", "udp") }},
		{
			name: "port 0 is never busy",
			opts: func(o *Options) { o.Ports[0].Addr = netip.MustParseAddrPort("127.0.0.1:0") },
			with: func(f *Facts) { f.Listeners = listens("127.0.0.1:0", "tcp") },
		},
		{
			name: "a server that runs holds its own ports and data",
			with: func(f *Facts) {
				f.Server, f.Listeners = Server{Running: true, PID: 9}, listens("127.0.0.1:6443", "tcp")
				f.Data.Damages = []Damage{{"/data/etcd/member/wal", "it holds no log"}}
			},
			want: []string{"server: another server (pid 9) holds /data; nagi down stops it; --data-dir starts one of its own elsewhere"},
		},
		{
			name: "a damaged store is named by its file",
			with: func(f *Facts) { f.Data.Damages = []Damage{{"/data/etcd/member/snap/db", "it is empty"}} },
			want: []string{"data: /data/etcd/member/snap/db is damaged: it is empty; bring it back from a backup, or start afresh with nagi down --wipe"},
		},
		{
			name: "a file in the place of the folder",
			with: func(f *Facts) { f.Data.NotAFolder = true },
			want: []string{"data: /data is no folder; remove it, or choose another --data-dir"},
		},
		{
			name: "a folder of somebody else",
			with: func(f *Facts) { f.Data.NotWritable = true },
			want: []string{"data: /data cannot be written; make it your own, or choose another --data-dir"},
		},
		{
			name: "a path too long for the sockets in it",
			opts: func(o *Options) { o.Dirs.Run = "/" + string(make([]byte, 100)) },
			want: []string{"data: the path /" + string(make([]byte, 100)) + " is too long for sockets, by 16 characters; choose a shorter --data-dir"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Dirs: layout.For("/data"), Ports: []Port{api}}
			f := sound()
			if tt.opts != nil {
				tt.opts(&o)
			}
			if tt.with != nil {
				tt.with(&f)
			}
			var got []string
			for _, x := range Decide(o, f) {
				line := x.Name + ": " + x.Problem + "; " + x.Remedy
				if !x.Fatal {
					line = "? " + line
				}
				got = append(got, line)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
		})
	}
}
