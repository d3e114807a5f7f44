package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nagi.dev/test/lab"
)

// TestRootlessBuild runs steps that try to be more than they are, and looks at
// what they leave in the image.
func TestRootlessBuild(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.New(t), "rootless", lab.Options{})
	s.up(t, "--build-as-root")
	s.load(t, "busybox", "debian")
	was := s.folder(t, "was", beforeRootless)
	s.Run(t, s.nagi, "image", "build", was)
	s.Run(t, s.nagi, "down")
	s.up(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, site)
	}{
		{"what a builder with root left is still of use", rootlessAfterRoot},
		{"root of a step is nobody of the machine", rootlessIDs},
		{"a step that left its walls reads and writes nothing of root's", rootlessBreakout},
		{"a step has no devices, no mounts and no settings of the kernel", rootlessRefused},
		{"the files of an image have the owners that its steps gave them", rootlessOwners},
		{"secrets and caches belong to whom the step names", rootlessMounts},
		{"a step that asks for the machine is refused", rootlessInsecure},
		{"a capability that a step gives to a file is the image's", rootlessAble},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, s) })
	}
	before := s.Run(t, "cat", "/proc/mounts")
	if strings.Contains(before, "buildkit-mount") {
		t.Errorf("mounts of steps are left:\n%s", before)
	}
}

// firstID of the machine is root of a step.
const firstID = 0x70000000

const beforeRootless = `
-- Dockerfile --
FROM busybox
RUN date +%N > /made; mkdir /home/of; chown 1000:1001 /home/of
RUN --mount=type=cache,target=/c echo of root > /c/left
`

func rootlessAfterRoot(t *testing.T, s site) {
	dir := s.folder(t, "was", "-- Dockerfile --\n"+strings.SplitN(beforeRootless, "--\n", 2)[1]+
		"RUN rm /made && ls -ldn /home/of > /owner\nRUN --mount=type=cache,target=/c echo of nobody >> /c/left; cp /c/left /left\n"+
		"CMD [\"cat\", \"/owner\", \"/left\"]\n")
	_, out := s.Try(t.Context(), s.nagi, "image", "build", "--progress", "plain", dir)
	if n := strings.Count(out, "CACHED"); n < 2 {
		t.Errorf("%d steps come from the cache; want 2:\n%s", n, out)
	}
	got := s.printed(t, "was")
	for _, want := range []string{"1000     1001", "of root", "of nobody"} {
		if !strings.Contains(got, want) {
			t.Errorf("the image prints %q; want %q", got, want)
		}
	}
}

func rootlessIDs(t *testing.T, s site) {
	building := s.buildSlowly(t)
	pid := s.step(t)
	for _, line := range strings.Split(s.Run(t, "grep", "-E", "^[UG]id:", fmt.Sprintf("/proc/%d/status", pid)), "\n") {
		for _, id := range strings.Fields(line)[min(1, len(strings.Fields(line))):] {
			if n, _ := strconv.Atoi(id); n != firstID {
				t.Errorf("the step runs on the machine as %s; want %d", line, firstID)
			}
		}
	}
	s.kill(t, s.builder(t))
	if building() == nil {
		t.Error("a build whose builder was killed says it went well")
	}
	dir := s.folder(t, "ids", "-- Dockerfile --\nFROM busybox\nRUN id -u && cat /proc/self/uid_map /proc/self/gid_map > /ids\nCMD [\"cat\", \"/ids\"]\n")
	s.Run(t, s.nagi, "image", "build", dir)
	for _, m := range strings.Split(strings.TrimSpace(s.printed(t, "ids")), "\n") {
		if f := strings.Fields(m); len(f) != 3 || f[0] != "0" || f[1] != strconv.Itoa(firstID) {
			t.Errorf("a step maps its ids so: %q; want 0 to be %d", m, firstID)
		}
	}
}

// step is the pid, on the machine, of the slow step's shell or its sleep.
func (s site) step(t *testing.T) int {
	t.Helper()
	out := s.Run(t, "sh", "-c", `for p in /proc/[0-9]*; do
		case "$(tr '\0' ' ' <$p/cmdline 2>/dev/null)" in "sleep 7654321 "*) echo ${p#/proc/};; esac
	done`)
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		t.Fatalf("find the step: %q", out)
	}
	return pid
}

// rootlessBreakout plays a step that got out of every namespace but the one of
// its users: it sees all files of the machine, and its processes.
func rootlessBreakout(t *testing.T, s site) {
	building := s.buildSlowly(t)
	pid := s.step(t)
	out := func(command string) (int, string) {
		return s.Try(t.Context(), "nsenter", "--user", "--target", strconv.Itoa(pid), "--setuid", "0", "--setgid", "0", "--", "sh", "-c", command)
	}
	if code, said := out("id -u"); code != 0 || strings.TrimSpace(said) != "0" {
		t.Fatalf("the step out of its walls is %q; want root of its own", said)
	}
	for _, command := range []string{
		"cat /etc/nagi/kubeconfig", "echo x >> /etc/passwd", "touch /var/lib/nagi/x", "chown 0 /etc/hosts", "ls /var/lib/nagi/etcd",
		"kill -9 1", "ls /proc/1/root/", "echo 1 > /proc/sys/kernel/panic", "ls /run/nagi/build/layers", "cat /var/lib/nagi/pki/*",
		"exec 3<>/run/nagi/containerd.sock", "mount -t tmpfs x /mnt",
	} {
		if code, said := out(command); code == 0 {
			t.Errorf("a step out of its walls does %q: %s", command, said)
		}
	}
	s.kill(t, s.builder(t))
	_ = building()
}

func rootlessRefused(t *testing.T, s site) {
	dir := s.folder(t, "barred", `-- Dockerfile --
FROM busybox
RUN ! mknod /null c 1 3 && ! mknod /disk b 8 0
RUN ! mount -t tmpfs t /tmp && ! mount -o bind /etc /tmp && ! mount -o remount,rw /sys
RUN ! echo 1 > /proc/sys/kernel/panic && ! echo h > /proc/sysrq-trigger && ! touch /sys/x && ! hostname other
RUN ! chroot /proc/1/root/proc/1/root mount -t tmpfs t /tmp
RUN ! dd if=/dev/mem of=/x bs=1 count=1
RUN --network=none test -d /sys/class/net/lo && ! test -e /sys/class/net/eth0
RUN --network=none ! mount -t tmpfs t /tmp
RUN echo of the machine > /dev/stderr && echo out > /dev/stdout && echo x > /dev/null && head -c 1 /dev/urandom > /dev/null
`)
	if code, out := s.Try(t.Context(), s.nagi, "image", "build", dir); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	dir = s.folder(t, "barred", "-- Dockerfile --\nFROM busybox\nRUN test $(cut -d: -f1 /proc/net/dev | grep -c nagi0) = 1 && ! ip link set nagi0 down && ! touch /sys/fs/cgroup/memory/x && test $(id -u) = 0 && ! grep -q ' 0 *0 *4294967295' /proc/self/uid_map\n")
	if code, out := s.Try(t.Context(), s.nagi, "image", "build", "--network=host", dir); code != 0 {
		t.Errorf("with the machine's network: exit code %d:\n%s", code, out)
	}
}

const owners = `
-- Dockerfile --
FROM scratch AS lone
COPY --from=busybox / /
RUN touch /lone && chown 3:4 /lone
FROM busybox AS made
RUN mkdir /deep && touch /deep/f /deep/g && chown -R 70000:70001 /deep
FROM busybox
COPY plain /plain
COPY plain /was
COPY --chown=33:34 --chmod=640 plain /copied
COPY --from=made /deep /deep
COPY --from=lone /lone /lone
RUN --mount=type=bind,from=lone,target=/l stat -c '%n %u:%g' /l/lone /l/etc > /lone-seen
WORKDIR /desk/here
RUN mkdir /data && touch /data/f && chown 1000:1001 /data/f && chown 1000 /data && chmod 2770 /data
RUN cp /bin/busybox /bin/suid && chmod 4755 /bin/suid
RUN rm -r /deep/f && rm /was && mkdir /was && mv /home /house && ln -s plain /link && ln /plain /hard
RUN mkfifo /pipe && touch -d '2001-02-03 04:05:06' /plain
USER 1000:1001
RUN id -u > /tmp/me && ! touch /mine
USER 0
CMD ["sh", "-c", "cat /tmp/me /lone-seen; stat -c '%n %u:%g %a' /lone /plain /copied /deep/g /desk /desk/here /data /data/f /bin/suid /bin /was /house /tmp/me /pipe /hard; ls /deep /home; stat -c %y /plain"]
-- plain --
plain
`

func rootlessOwners(t *testing.T, s site) {
	dir := s.folder(t, "owners", owners)
	s.Run(t, s.nagi, "image", "build", dir)
	got := s.printed(t, "owners")
	for _, want := range []string{
		"1000\n", "/l/lone 3:4", "/l/etc 0:0", "/lone 3:4 644", "/plain 0:0 644", "/copied 33:34 640", "/deep/g 70000:70001 644", "/desk 0:0 755", "/desk/here 0:0 755",
		"/data 1000:0 2770", "/data/f 1000:1001 644", "/bin/suid 0:0 4755", "/bin 0:0 ", "/was 0:0 755", "/house 65534:65534", "/tmp/me 1000:1001",
		"/pipe 0:0 644", "/hard 0:0 644", "2001-02-03",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in what the image has:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\nf\n") {
		t.Errorf("a file that a step removed is back:\n%s", got)
	}
}

const mounted = `
-- Dockerfile --
FROM busybox
RUN --mount=type=secret,id=token stat -c '%u:%g %a' /run/secrets/token > /a && cat /run/secrets/token
RUN --mount=type=secret,id=token,uid=1000,gid=1001,mode=0440 stat -c '%u:%g %a' /run/secrets/token > /b
RUN --mount=type=cache,target=/c,uid=1000,gid=1001,mode=0700 stat -c '%u:%g %a' /c > /c1; touch /c/of-root
RUN --mount=type=tmpfs,target=/t stat -c '%u:%g' /t > /d && touch /t/x
RUN --mount=type=bind,target=/src,rw cat /src/plain > /e && touch /src/x
RUN --mount=type=bind,from=busybox,source=/bin,target=/their test -x /their/busybox && ! touch /their/x
USER 1000:1001
RUN --mount=type=cache,target=/c,uid=1000,gid=1001,mode=0700 stat -c '%n %u:%g' /c/of-root > /tmp/f && touch /c/mine
RUN --mount=type=secret,id=token,uid=1000,mode=0400 cat /run/secrets/token > /tmp/g
RUN --mount=type=secret,id=token ! cat /run/secrets/token
CMD ["sh", "-c", "head /a /b /c1 /d /e /tmp/f /tmp/g"]
-- plain --
plain
-- token --
s3cret
`

func rootlessMounts(t *testing.T, s site) {
	dir := s.folder(t, "mounted", mounted)
	began := time.Now()
	s.Run(t, s.nagi, "image", "build", "--secret", "id=token,src="+dir+"/token", dir)
	t.Logf("nine steps take %s", time.Since(began))
	got := s.printed(t, "mounted")
	for _, want := range []string{
		"==> /a <==\n0:0 400", "==> /b <==\n1000:1001 440", "==> /c1 <==\n1000:1001 700", "==> /d <==\n0:0", "==> /e <==\nplain",
		"/c/of-root 0:0", "==> /tmp/g <==\ns3cret",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in what the image has:\n%s", want, got)
		}
	}
}

func rootlessInsecure(t *testing.T, s site) {
	dir := s.folder(t, "insecure", "-- Dockerfile --\nFROM busybox\nRUN --security=insecure true\n")
	code, out := s.Try(t.Context(), s.nagi, "image", "build", dir)
	if code != 1 || !strings.Contains(out, "a build step does not get the machine") {
		t.Errorf("exit code %d; want 1 and the reason in:\n%s", code, out)
	}
}

// rootlessAble lets a step give a file a capability, as packages do: to listen
// on any port. The machine must find it in the image as if its root had.
func rootlessAble(t *testing.T, s site) {
	const able = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err := w.WriteHeader(&tar.Header{Name: "able", Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": able}})
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	dir := s.folder(t, "able", `-- Dockerfile --
FROM debian
COPY able.tar /
RUN tar --xattrs --xattrs-include='*' -xpf /able.tar -C / && rm /able.tar
CMD ["sh", "-c", "tar --xattrs --xattrs-include='*' -cf - /able | grep -a -o SCHILY.xattr.security.capability.* | head -1 | od -An -c"]
`)
	if err := os.WriteFile(filepath.Join(dir, "able.tar"), archive.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out := s.Try(t.Context(), s.nagi, "image", "build", dir); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	got := strings.Join(strings.Fields(s.printed(t, "able")), "")
	if want := `capability=001\0\0002\0004` + strings.Repeat(`\0`, 13); !strings.Contains(got, want) {
		t.Errorf("the image has %q; want %q", got, want)
	}
}
