package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const live = `name: live
services:
  web:
    image: busybox:latest
    command: [sh, -c, "echo conf $$(cat /conf/app.conf); trap exit TERM; while :; do sleep 0.1; done"]
    stop_grace_period: 1s
    deploy: {replicas: 2}
    develop:
      watch:
      - {path: ./src, action: sync, target: /app, ignore: [tmp/], initial_sync: true}
      - {path: ./conf, action: sync+restart, target: /conf, initial_sync: true}
      - {path: ./hot, action: sync+exec, target: /hot, exec: {command: [sh, -c, "echo reloaded $$(cat /hot/x) $$HOW in $$(pwd) as $$(id -u)"], user: "33", working_dir: /hot, environment: {HOW: calmly}}}
      - {path: ./go.mod, action: rebuild}
`

func TestWatchBringsChangesIntoContainers(t *testing.T) {
	s := quiet.use(t)
	file := s.compose(t, "live", live)
	write := func(name, text string) {
		t.Helper()
		if err := s.WriteFile(filepath.Join(filepath.Dir(file), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("src/first", "1")
	write("conf/app.conf", "one")
	write("hot/x", "0")
	write("go.mod", "")
	write(".dockerignore", "src/*.log\n")
	said := s.record(t, s.nagi, "deploy", "--watch", "-f", file)
	t.Cleanup(func() { s.kubectl(t, "delete", "namespace", "live", "--wait=false") })
	t.Cleanup(func() { t.Logf("it says\n%s", said) })
	eventually(t, time.Minute, "it watches", func() (string, bool) {
		return said.String(), strings.Contains(said.String(), "Watching for changes")
	})
	client := s.client(t)
	pods := func() (names []string) {
		all, err := client.CoreV1().Pods("live").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all.Items {
			if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
				names = append(names, p.Name)
			}
		}
		return names
	}
	// see waits until a command in every container prints want.
	see := func(what, want, command string) {
		t.Helper()
		begun := time.Now()
		eventually(t, 30*time.Second, what, func() (string, bool) {
			all := pods()
			var seen strings.Builder
			ok := len(all) == 2
			for _, p := range all {
				_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "live", "exec", p, "-c", "web", "--", "sh", "-c", command)
				fmt.Fprintf(&seen, "%s: %s\n", p, out)
				ok = ok && out == want
			}
			return seen.String(), ok
		})
		t.Logf("%s: seen after %s", what, time.Since(begun).Round(time.Millisecond))
	}
	see("the initial sync", "1", "cat /app/first")

	write("src/deep/page", "hello")
	begun := time.Now()
	see("a new file in a new folder", "hello", "cat /app/deep/page")
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %s, want at most 2s", took)
	}
	s.Run(t, "rm", filepath.Join(filepath.Dir(file), "src", "deep", "page"))
	see("a file that goes", "gone\n", "test -e /app/deep/page || echo gone")

	for i := range 300 {
		write(fmt.Sprintf("src/many/f%03d", i), "x")
	}
	write("src/tmp/no", "x")
	write("src/no.log", "x")
	write("src/last", "x")
	see("many files at once", "300\n", "ls /app/many | wc -l")
	see("ignored files stay away", "first last many\n", "cd /app; rmdir deep; echo $(ls)")

	s.kubectl(t, "-n", "live", "delete", "pod", pods()[0])
	see("a pod that was replaced has them too", "300\n", "ls /app/many | wc -l")

	write("conf/app.conf", "two")
	see("a restart with the new file", "two", "cat /conf/app.conf")
	eventually(t, 20*time.Second, "the new containers began with it", func() (string, bool) {
		var all strings.Builder
		for _, p := range pods() {
			_, out := s.Try(t.Context(), s.nagi, "kubectl", "-n", "live", "logs", p, "-c", "web")
			all.WriteString(out)
		}
		return all.String(), all.String() == "conf two\nconf two\n"
	})
	see("what changed before is still there", "300\n", "ls /app/many | wc -l")

	write("hot/x", "1")
	write("go.mod", "module x")
	eventually(t, 20*time.Second, "commands run and builds are asked for", func() (string, bool) {
		return said.String(), strings.Count(said.String(), "| reloaded 1 calmly in /hot as 33") == 2 && strings.Contains(said.String(), "web: its image is to be built anew")
	})
}
