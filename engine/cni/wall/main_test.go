package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gate answers one question and returns what it was.
func gate(t *testing.T, answer string) (socket string, asked chan string) {
	t.Helper()
	socket, asked = filepath.Join(t.TempDir(), "s"), make(chan string, 1)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, 1000)
		n, _ := c.Read(buf)
		asked <- strings.TrimSpace(string(buf[:n]))
		_, _ = io.WriteString(c, answer)
		_ = c.Close()
	}()
	return socket, asked
}

func settingsWith(socket string) string {
	return `{"cniVersion":"1.0.0","name":"nagi","type":"nagi-wall","socket":"` + socket + `","prevResult":` + before + `}`
}

const (
	before = `{"cniVersion":"1.0.0","interfaces":[{"name":"veth1"},{"name":"eth0","sandbox":"/var/run/netns/a"}],"ips":[{"interface":1,"address":"10.42.0.9/24"}]}`
	args   = "IgnoreUnknown=1;K8S_POD_NAMESPACE=x;K8S_POD_NAME=a;K8S_POD_UID=u-1"
)

// ground is a kernel's settings of the interface veth1.
func ground(t *testing.T) {
	t.Helper()
	conf = t.TempDir()
	t.Cleanup(func() { conf = "/proc/sys/net" })
	for _, d := range []string{"ipv4/conf/veth1", "ipv6/conf/veth1"} {
		if err := os.MkdirAll(filepath.Join(conf, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPodThatIsLetInKeepsWhatThePluginsBeforeMade(t *testing.T) {
	ground(t)
	socket, asked := gate(t, "ok")
	var out strings.Builder
	if err := run("ADD", args, strings.NewReader(settingsWith(socket)), &out); err != nil {
		t.Fatal(err)
	}
	if got, want := <-asked, `{"pod":"u-1","addr":"10.42.0.9"}`; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	if out.String() != before {
		t.Errorf("says %s", out.String())
	}
	for _, f := range []string{"ipv4/conf/veth1/rp_filter", "ipv6/conf/veth1/disable_ipv6"} {
		if b, _ := os.ReadFile(filepath.Join(conf, f)); string(b) != "1" {
			t.Errorf("%s is %q", f, b)
		}
	}
}

func TestAPodWithoutWallsDoesNotStart(t *testing.T) {
	ground(t)
	for _, answer := range []string{"the API has told of no pod u-1 for 10s", ""} {
		socket, _ := gate(t, answer)
		var out strings.Builder
		if err := run("ADD", args, strings.NewReader(settingsWith(socket)), &out); err == nil || out.Len() > 0 {
			t.Errorf("after %q: %v, says %s", answer, err, out.String())
		}
	}
	if err := run("ADD", args, strings.NewReader(settingsWith("/nowhere")), io.Discard); err == nil {
		t.Error("a pod starts though nobody keeps its walls")
	}
}

func TestAPodCanAlwaysLeave(t *testing.T) {
	socket, asked := gate(t, "ok")
	for _, s := range []string{socket, "/nowhere"} {
		if err := run("DEL", args, strings.NewReader(settingsWith(s)), io.Discard); err != nil {
			t.Error(err)
		}
	}
	if got, want := <-asked, `{"pod":"u-1","addr":"10.42.0.9","gone":true}`; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("ADD", args, settingsWith("/nowhere"))
	f.Add("DEL", "", "{}")
	f.Fuzz(func(_ *testing.T, command, args, in string) {
		conf = "/nowhere"
		_ = run(command, args, strings.NewReader(in), io.Discard) // it only must not panic
	})
}
