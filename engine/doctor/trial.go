package doctor

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// try asks the kernel for each feature that a node needs and returns those it
// lacks. It works in a network namespace of its own, which ends with it; the
// only thing that stays is a kernel module loaded on the way, as the server
// itself would.
func try(nft bool) map[string]string {
	lacking := map[string]string{}
	if why := tryOverlay("/proc/filesystems"); why != "" {
		lacking["overlay"] = why
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Never unlocked: the thread, and with it its namespace, ends here.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			lacking["bridge"] = "no network namespace can be made: " + err.Error()
			return
		}
		tryNetwork(lacking, nft)
	}()
	<-done
	return lacking
}

// tryNetwork needs a namespace that nobody uses.
func tryNetwork(lacking map[string]string, nft bool) {
	attrs := func(name string) netlink.LinkAttrs { return netlink.LinkAttrs{Name: name, TxQLen: -1} }
	note := func(feature string, err error) {
		if err != nil && !errors.Is(err, os.ErrExist) {
			lacking[feature] = err.Error()
		}
	}
	note("bridge", netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs("try0")}))
	note("veth", netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs("try1"), PeerName: "try2"}))
	if !nft {
		return
	}
	// A chain of the kind that kube-proxy makes, so that NAT is tried too.
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader("table ip try {\n chain c {\n type nat hook prerouting priority dstnat;\n }\n}\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		lacking["nftables"] = strings.Join(strings.Fields(first+" ("+err.Error()+")"), " ")
	}
}

// tryOverlay looks for overlayfs among the file systems that the kernel knows,
// else for its module.
func tryOverlay(filesystems string) string {
	if knows(filesystems, "overlay") {
		return ""
	}
	_ = exec.Command("modprobe", "overlay").Run() // as mount(8) itself would
	if knows(filesystems, "overlay") {
		return ""
	}
	return "the kernel does not know this file system"
}

func knows(filesystems, name string) bool {
	f, err := os.Open(filesystems)
	if err != nil {
		return true // who cannot look must not complain
	}
	defer f.Close() //nolint:errcheck // only read
	for scan := bufio.NewScanner(f); scan.Scan(); {
		words := strings.Fields(scan.Text())
		if len(words) > 0 && words[len(words)-1] == name {
			return true
		}
	}
	return false
}
