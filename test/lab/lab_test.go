package lab_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nagi.dev/test/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

func TestAMachineHasNamespacesOfItsOwn(t *testing.T) {
	m := lab.New(t).Machine(t, "one", lab.Options{})

	if got := strings.TrimSpace(m.Run(t, "hostname")); got != "one" {
		t.Errorf("host name is %q", got)
	}
	if got := m.Run(t, "ip", "-br", "link"); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "lo ") {
		t.Errorf("the machine's links are not lo alone:\n%s", got)
	}
	if got := m.Run(t, "sh", "-c", "echo $$; cat /proc/1/comm; ls /sys/class/net /sys/fs/cgroup; id -u"); !strings.Contains(got, "lo\n") {
		t.Errorf("/sys is not the machine's:\n%s", got)
	}
	hostOnly := "/run/nagi-lab-test-" + strconv.Itoa(os.Getpid())
	m.Run(t, "touch", hostOnly, hostOnly[4:]+".gone", "/etc/lab-test", "/var/lib/lab-test")
	for _, f := range []string{hostOnly, "/etc/lab-test", "/var/lib/lab-test"} {
		if _, err := os.Stat(f); err == nil {
			t.Errorf("%s of the machine is on the host", f)
		}
	}
}

func TestPowerOffKillsEverythingAndKeepsTheDisk(t *testing.T) {
	m := lab.New(t).Machine(t, "one", lab.Options{})
	deep := "(setsid sleep 7001 & setsid setsid sleep 7002 &) >/dev/null 2>&1; echo kept > /var/lib/kept; echo lost > /run/lost; for h in /sys/fs/cgroup/*" + cgroupOf(m) + " /sys/fs/cgroup/*/" + cgroupOf(m)[1:] + "; do if [ -d $h ]; then mkdir -p $h/pod; fi; done"
	m.Run(t, "sh", "-c", deep)
	c := m.Start(t, "sleep", "7003")
	pids := sleepers(t, "700")
	if len(pids) != 3 {
		t.Fatalf("%d of three sleepers run", len(pids))
	}

	if err := m.PowerOff(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil {
		t.Error("a command outlived the power")
	}
	if pids := sleepers(t, "700"); len(pids) != 0 {
		t.Errorf("processes %v outlived the power", pids)
	}
	if _, err := m.Dial("tcp", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "power is off") {
		t.Errorf("a dial into a dead machine says: %v", err)
	}
	if err := m.WriteFile("/var/lib/between", []byte("boots"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.Run(t, "cat", "/var/lib/kept", "/var/lib/between"); got != "kept\nboots" {
		t.Errorf("after the power-off the disk holds %q", got)
	}
	if code, _ := m.Try(t.Context(), "test", "-e", "/run/lost"); code != 1 {
		t.Error("/run outlived the power")
	}
}

func TestOrphansAreReaped(t *testing.T) {
	m := lab.New(t).Machine(t, "one", lab.Options{})
	m.Run(t, "sh", "-c", "(sh -c 'sh -c true & exec true' &)")
	for range 100 {
		if !strings.Contains(m.Run(t, "sh", "-c", "cat /proc/[0-9]*/stat"), " Z ") {
			return
		}
	}
	t.Error("a zombie stays")
}

func TestADialHappensInsideTheMachine(t *testing.T) {
	l := lab.New(t)
	one, two := l.Machine(t, "one", lab.Options{}), l.Machine(t, "two", lab.Options{})
	ln, err := one.Listen("tcp", "127.0.0.1:7777")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go serveOnce(ln, "hello")

	if _, err := two.Dial("tcp", "127.0.0.1:7777"); err == nil {
		t.Error("another machine reaches the loopback device of the first")
	}
	if _, err := net.DialTimeout("tcp", "127.0.0.1:7777", time.Second); err == nil {
		t.Error("the host reaches the machine's loopback device")
	}
	if got := read(t, one, "127.0.0.1:7777"); got != "hello" {
		t.Errorf("the machine answers %q", got)
	}
}

func TestMachinesMeetOnTheSwitch(t *testing.T) {
	l := lab.New(t)
	one := l.Machine(t, "one", lab.Options{Address: netip.MustParsePrefix("192.0.2.11/24")})
	two := l.Machine(t, "two", lab.Options{Address: netip.MustParsePrefix("192.0.2.12/24")})
	for _, boot := range []string{"first", "second"} {
		ln, err := one.Listen("tcp", "192.0.2.11:80")
		if err != nil {
			t.Fatal(err)
		}
		go serveOnce(ln, boot)
		if got := read(t, two, "192.0.2.11:80"); got != boot {
			t.Errorf("after the %s boot the other machine answers %q", boot, got)
		}
		_ = ln.Close()
		if err := one.PowerOff(); err != nil {
			t.Fatal(err)
		}
		if err := one.PowerOn(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABoundedDiskFills(t *testing.T) {
	m := lab.New(t).Machine(t, "one", lab.Options{Disk: 1 << 20})
	if code, out := m.Try(t.Context(), "dd", "if=/dev/zero", "of=/var/lib/full", "bs=64k", "count=32"); code == 0 || !strings.Contains(out, "No space left") {
		t.Errorf("2 MiB fit on a disk of 1 MiB: %d %s", code, out)
	}
}

func TestACanceledCommandIsGone(t *testing.T) {
	m := lab.New(t).Machine(t, "one", lab.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	c := m.Command(ctx, "sleep", "7101")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := c.Wait(); err == nil {
		t.Error("a cancelled command succeeds")
	}
	if pids := sleepers(t, "7101"); len(pids) != 0 {
		t.Errorf("processes %v outlived their command", pids)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	l, err := lab.Open()
	if err != nil {
		t.Fatal(err)
	}
	id := filepath.Base(l.Dir())
	m := l.Machine(t, "one", lab.Options{Address: netip.MustParsePrefix("192.0.2.11/24")})
	m.Run(t, "sh", "-c", "mkdir /var/lib/m && mount -t tmpfs none /var/lib/m && (setsid sleep 7201 >/dev/null 2>&1 &)")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.Dir()); err == nil {
		t.Error("the folder is left")
	}
	if left, _ := filepath.Glob("/sys/fs/cgroup/*/" + id + "*"); len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
	if left, _ := filepath.Glob("/sys/fs/cgroup/" + id + "*"); len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
	if b, _ := os.ReadFile("/proc/self/mountinfo"); strings.Contains(string(b), id) {
		t.Error("a mount is left")
	}
	if pids := sleepers(t, "7201"); len(pids) > 0 {
		t.Errorf("processes are left: %v", pids)
	}
}

// cgroupOf asks the machine for the root of its cgroups.
func cgroupOf(m *lab.Machine) string {
	_, out := m.Try(context.Background(), "sh", "-c", "printf %s $"+lab.CgroupRootEnv)
	return out
}

// sleepers lists the processes of this host that sleep for a time that begins
// with digits.
func sleepers(t *testing.T, digits string) (pids []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if b, _ := os.ReadFile(n); strings.HasPrefix(string(b), "sleep\x00"+digits) {
			pids = append(pids, filepath.Base(filepath.Dir(n)))
		}
	}
	return pids
}

func serveOnce(l net.Listener, text string) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	_, _ = io.WriteString(c, text)
	_ = c.Close()
}

func read(t *testing.T, m *lab.Machine, addr string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := m.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
