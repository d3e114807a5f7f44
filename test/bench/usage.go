package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A weight is what the processes of a server take together.
type weight struct {
	rss, pss float64 // MB
	cpu      time.Duration
}

// usage adds up Nagi's own processes on a machine: supervisor, children and
// containerd; no shim and no container.
func usage(init int) (w weight, err error) {
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", init))
	if err != nil {
		return w, err
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return w, err
	}
	for _, d := range dirs {
		if ns, _ := os.Readlink(d + "/ns/pid"); ns == namespace && ours(d) {
			w.add(d)
		}
	}
	if w.rss == 0 {
		return w, fmt.Errorf("weigh server: no process of it runs")
	}
	return w, nil
}

func ours(dir string) bool {
	b, _ := os.ReadFile(dir + "/cmdline")
	name := filepath.Base(string(bytes.SplitN(b, []byte{0}, 2)[0]))
	return name == "nagi" || name == "containerd"
}

// add adds one process; one that ends meanwhile counts as nothing.
func (w *weight) add(dir string) {
	b, err := os.ReadFile(dir + "/smaps_rollup")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		kb, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "Rss:":
			w.rss += kb * 1024 / 1e6
		case "Pss:":
			w.pss += kb * 1024 / 1e6
		}
	}
	w.cpu += spent(dir)
}

// spent is the processor time of a process. The kernel tells it in ticks of
// 10 ms.
func spent(dir string) time.Duration {
	b, _ := os.ReadFile(dir + "/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
