package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"nagi.dev/test/lab"
)

// TestBuild makes images on a machine without any network, and takes all of
// it away again.
func TestBuild(t *testing.T) {
	t.Parallel()
	s := newSite(t, lab.New(t), "builder", lab.Options{})
	before := traces(t, s)
	s.up(t)
	s.load(t, "busybox")
	if out := s.Run(t, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"); strings.Contains(out, "nagi child build") {
		t.Error("a builder runs before anybody built")
	}
	for _, tt := range []struct {
		name string
		test func(*testing.T, site)
	}{
		{"stages, arguments, secrets and ignored files", buildEverything},
		{"what did not change comes from the cache", buildCached},
		{"a cache mount is kept between builds", buildCacheMount},
		{"a failing step says where and with which code", buildFails},
		{"a missing base image says what to do", buildWithoutBase},
		{"a syntax line asks no registry", buildSyntax},
		{"a step has the network that is asked for", buildNetworks},
		{"what cannot be built here is refused", buildRefused},
		{"a killed builder leaves nothing broken", buildKilled},
		{"a killed server leaves nothing broken", buildServerKilled},
		{"a stack is built, changed and built again", buildStack},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, s) })
	}
	building := s.buildSlowly(t)
	s.Run(t, s.nagi, "down", "--wipe", "--yes")
	if building() == nil {
		t.Error("a build that the end of the server cut off says it went well")
	}
	if after := traces(t, s); after != before {
		t.Errorf("before up:\n%s\nafter down --wipe:\n%s", before, after)
	}
}

// folder lays out the files of a txtar archive in a folder of the machine.
func (s site) folder(t *testing.T, name, files string) string {
	t.Helper()
	dir := filepath.Join(s.Home(), name)
	for _, f := range txtar.Parse([]byte(files)).Files {
		to := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// printed runs a pod of an image that is here and returns its log.
func (s site) printed(t *testing.T, image string) string {
	t.Helper()
	return s.ran(t, "--image="+image, "--image-pull-policy=Never")
}

// ran runs a pod to its end and returns its log. What kubectl run prints of a
// pod that is over at once is not to be relied on.
func (s site) ran(t *testing.T, argv ...string) string {
	t.Helper()
	s.kubectl(t, append([]string{"run", "print", "--restart=Never"}, argv...)...)
	defer s.kubectl(t, "delete", "pod", "print", "--now", "--timeout=60s")
	s.kubectl(t, "wait", "pod/print", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
	return s.kubectl(t, "logs", "print")
}

const everything = `
-- Dockerfile --
FROM busybox AS make
ARG GREETING=nobody
COPY . /src
RUN --mount=type=secret,id=token cp /run/secrets/token /token && ls /src > /list && echo "hello $GREETING" > /greeting
FROM busybox:1.36 AS show
LABEL made=here
COPY --from=make /greeting /list /
COPY --from=make /token /token
COPY --from=more extra.txt /
CMD ["cat", "/greeting", "/list", "/token", "/extra.txt"]
FROM busybox AS never
RUN false
-- .dockerignore --
secret.txt
-- secret.txt --
not for images
-- kept.txt --
for images
-- token --
s3cret
-- more/extra.txt --
from another folder
`

func buildEverything(t *testing.T, s site) {
	dir := s.folder(t, "everything", everything)
	out := s.Run(t, s.nagi, "image", "build", "-t", "shop/all", "--build-arg", "GREETING=world", "--target", "show",
		"--secret", "id=token,src="+dir+"/token", "--build-context", "more="+dir+"/more", dir)
	if !strings.HasPrefix(out, "sha256:") {
		t.Errorf("build prints %q; want a digest", out)
	}
	got := s.printed(t, "shop/all")
	for _, want := range []string{"hello world", "kept.txt", "s3cret", "from another folder"} {
		if !strings.Contains(got, want) {
			t.Errorf("the image prints %q; want %q in it", got, want)
		}
	}
	if strings.Contains(got, "secret.txt") {
		t.Errorf("an ignored file is in the image: %q", got)
	}
}

func buildCached(t *testing.T, s site) {
	dir := s.folder(t, "cached", "-- Dockerfile --\nFROM busybox\nRUN sleep 3; date > /made\n")
	first := s.Run(t, s.nagi, "image", "build", dir)
	began := time.Now()
	second := s.Run(t, s.nagi, "image", "build", dir)
	t.Logf("an unchanged build takes %s", time.Since(began))
	if first != second {
		t.Errorf("an unchanged build gave %s, then %s", first, second)
	}
	if anew := s.Run(t, s.nagi, "image", "build", "--no-cache", dir); anew == second {
		t.Errorf("--no-cache gave the image of the cache, %s", anew)
	}
}

func buildCacheMount(t *testing.T, s site) {
	const files = "-- Dockerfile --\nFROM busybox\nARG TURN\nRUN --mount=type=cache,target=/c echo $TURN >> /c/turns; cp /c/turns /turns\nCMD [\"cat\", \"/turns\"]\n"
	dir := s.folder(t, "mounted", files)
	for _, turn := range []string{"one", "two"} {
		s.Run(t, s.nagi, "image", "build", "--build-arg", "TURN="+turn, dir)
	}
	if got := s.printed(t, "mounted"); !strings.Contains(got, "one\ntwo") {
		t.Errorf("the cache holds %q; want both turns", got)
	}
}

func buildFails(t *testing.T, s site) {
	dir := s.folder(t, "failing", "-- Dockerfile --\nFROM busybox\n\nRUN echo the oven is cold; exit 7\n")
	code, out := s.Try(t.Context(), s.nagi, "image", "build", dir)
	if code != 1 {
		t.Errorf("exit code %d; want 1", code)
	}
	for _, want := range []string{"the oven is cold", "Dockerfile:3", ">>> RUN", "exit code: 7"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func buildWithoutBase(t *testing.T, s site) {
	dir := s.folder(t, "baseless", "-- Dockerfile --\nFROM nowhere/base:3\n")
	code, out := s.Try(t.Context(), s.nagi, "image", "build", dir)
	want := "base image docker.io/nowhere/base:3 is not here, and no registry gave it"
	if code != 1 || !strings.Contains(out, want) || !strings.Contains(out, "nagi image import") {
		t.Errorf("exit code %d; want 1, %q and the remedy in:\n%s", code, want, out)
	}
}

func buildSyntax(t *testing.T, s site) {
	dir := s.folder(t, "syntax", "-- Dockerfile --\n# syntax=docker/dockerfile:1\nFROM busybox\nRUN <<EOF\necho heredoc > /made\nEOF\nCMD [\"cat\", \"/made\"]\n")
	s.Run(t, s.nagi, "image", "build", dir)
	if got := s.printed(t, "syntax"); !strings.Contains(got, "heredoc") {
		t.Errorf("the image prints %q", got)
	}
}

func buildNetworks(t *testing.T, s site) {
	for _, tt := range []struct{ name, flag, step string }{
		{"pods'", "", "grep -q eth0 /proc/net/route && nslookup kubernetes.default.svc.cluster.local | grep -w 10.43.0.1"},
		{"none", "--network=none", "! grep -q eth0 /proc/net/route"},
		{"host", "--network=host", "grep -q nagi0 /proc/net/dev"},
	} {
		dir := s.folder(t, "networks", "-- Dockerfile --\nFROM busybox\nRUN "+tt.step+"\n")
		argv := []string{s.nagi, "image", "build", "--no-cache"}
		if tt.flag != "" {
			argv = append(argv, tt.flag)
		}
		if code, out := s.Try(t.Context(), append(argv, dir)...); code != 0 {
			t.Errorf("the network %s: exit code %d:\n%s", tt.name, code, out)
		}
	}
}

func buildRefused(t *testing.T, s site) {
	dir := s.folder(t, "refused", "-- Dockerfile --\nFROM busybox\n")
	for _, tt := range []struct{ want, flag string }{
		{"only images for this machine", "--platform=linux/s390x"},
		{"a build step has the build network, none or host", "--network=shop"},
		{"only type=local and type=inline", "--cache-from=type=registry,ref=x"},
		{"no name of an image", "--tag=Shop"},
	} {
		if code, out := s.Try(t.Context(), s.nagi, "image", "build", tt.flag, dir); code == 0 || !strings.Contains(out, tt.want) {
			t.Errorf("%s: exit code %d; want %q in:\n%s", tt.flag, code, tt.want, out)
		}
	}
}

// builder is the pid of the process that builds.
func (s site) builder(t *testing.T) int {
	t.Helper()
	out := s.Run(t, "sh", "-c", `for p in /proc/[0-9]*; do
		case "$(tr '\0' ' ' <$p/cmdline 2>/dev/null)" in "nagi child build "*) echo ${p#/proc/};; esac
	done`)
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		t.Fatalf("find the builder: %q", out)
	}
	return pid
}

// buildSlowly starts a build that does not end and returns once its step
// runs. The function that it returns waits for the command.
func (s site) buildSlowly(t *testing.T) (wait func() error) {
	t.Helper()
	slow := s.folder(t, "slow", "-- Dockerfile --\nFROM busybox\nRUN echo begun; sleep 7654321\n")
	c := s.Start(t, s.nagi, "image", "build", slow)
	eventually(t, time.Minute, "the step runs", func() (string, bool) { return s.slowStep(t) })
	return c.Wait
}

// slowStep looks for the step of buildSlowly.
func (s site) slowStep(t *testing.T) (all string, there bool) {
	_, out := s.Try(t.Context(), "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
	return out, strings.Contains(out, "sleep 7654321")
}

// buildAgain waits until the slow step is gone, and builds.
func (s site) buildAgain(t *testing.T, name string) {
	t.Helper()
	eventually(t, time.Minute, "the step is gone", func() (string, bool) {
		out, there := s.slowStep(t)
		return out, !there
	})
	dir := s.folder(t, name, "-- Dockerfile --\nFROM busybox\nRUN echo "+name+" > /made\nCMD [\"cat\", \"/made\"]\n")
	s.Run(t, s.nagi, "image", "build", dir)
	if got := s.printed(t, name); !strings.Contains(got, name) {
		t.Errorf("the image of the next builder prints %q", got)
	}
}

func buildKilled(t *testing.T, s site) {
	building := s.buildSlowly(t)
	pid := s.builder(t)
	t.Logf("the builder at work:\n%s", s.Run(t, "grep", "-E", "^(VmRSS|RssAnon)", fmt.Sprintf("/proc/%d/status", pid)))
	s.kill(t, pid)
	if building() == nil {
		t.Error("a build whose builder was killed says it went well")
	}
	s.buildAgain(t, "quick")
}

func buildServerKilled(t *testing.T, s site) {
	building := s.buildSlowly(t)
	s.kill(t, s.status(t).PID)
	if building() == nil {
		t.Error("a build whose server was killed says it went well")
	}
	s.up(t)
	s.buildAgain(t, "revived")
}

const bakery = `
-- compose.yaml --
services:
  base:
    build: {context: ., dockerfile_inline: "FROM busybox\nRUN mkdir /www\n"}
    command: sleep 1000000
    stop_grace_period: 0s
  web:
    build:
      context: web
      additional_contexts: {base: "service:base"}
      args: {WHO: shop}
    ports: ["8094:80"]
    stop_grace_period: 0s
    develop: {watch: [{path: web, action: rebuild}]}
-- web/Dockerfile --
FROM base
ARG WHO
COPY page.html /www/index.html
RUN echo "by $WHO" >> /www/index.html
CMD ["httpd", "-f", "-h", "/www"]
-- web/page.html --
first edition
`

func buildStack(t *testing.T, s site) {
	dir := s.folder(t, "shop", bakery)
	file := filepath.Join(dir, "compose.yaml")
	page := func(want string) {
		t.Helper()
		eventually(t, 30*time.Second, "the page shows "+want, func() (string, bool) {
			_, out := s.Try(t.Context(), "curl", "-fsS", "-m", "5", "http://127.0.0.1:8094/")
			return out, strings.Contains(out, want) && strings.Contains(out, "by shop")
		})
	}
	s.Run(t, s.nagi, "deploy", "-f", file)
	page("first edition")

	began := time.Now()
	s.Run(t, s.nagi, "deploy", "-f", file)
	t.Logf("an unchanged stack takes %s", time.Since(began))

	s.folder(t, "shop", "-- web/page.html --\nsecond edition\n")
	s.Run(t, s.nagi, "deploy", "-f", file)
	page("second edition")

	t.Run("a watched stack builds by itself", func(t *testing.T) {
		said := s.record(t, s.nagi, "deploy", "--watch", "-f", file)
		t.Cleanup(func() { t.Logf("it says\n%s", said) })
		eventually(t, time.Minute, "it watches", func() (string, bool) {
			return said.String(), strings.Contains(said.String(), "Watching for changes")
		})
		s.folder(t, "shop", "-- web/page.html --\nthird edition\n")
		page("third edition")
	})

	s.folder(t, "shop", "-- web/Dockerfile --\nFROM base\nRUN exit 9\n")
	code, out := s.Try(t.Context(), s.nagi, "deploy", "-f", file)
	if code != 1 || !strings.Contains(out, "exit code: 9") {
		t.Errorf("exit code %d; want 1 and the step's own in:\n%s", code, out)
	}
	page("third edition")
	s.kubectl(t, "delete", "namespace", "shop", "--timeout=60s")
}
