package doctor

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listeners lists the sockets of this network namespace that wait, and who
// holds each as far as one may see. proc is where /proc is mounted.
func listeners(proc string) []Listener {
	var all []Listener
	inodes := map[string][]int{} // inode to places in all
	for _, table := range []struct{ file, proto string }{
		{"tcp", "tcp"}, {"tcp6", "tcp"}, {"udp", "udp"}, {"udp6", "udp"},
	} {
		f, err := os.Open(filepath.Join(proc, "net", table.file))
		if err != nil {
			continue
		}
		for scan := bufio.NewScanner(f); scan.Scan(); {
			if addr, inode, ok := socketLine(scan.Text()); ok {
				inodes[inode] = append(inodes[inode], len(all))
				all = append(all, Listener{Addr: addr, Proto: table.proto})
			}
		}
		f.Close() //nolint:errcheck // only read
	}
	name(proc, all, inodes)
	return all
}

// The states of a socket that occupies its port (net/tcp_states.h): a TCP
// socket that listens, a UDP socket without a peer.
const (
	tcpListen = "0A"
	udpOpen   = "07"
)

// socketLine reads a line of /proc/net/tcp and its likes.
func socketLine(line string) (addr netip.AddrPort, inode string, ok bool) {
	words := strings.Fields(line)
	if len(words) < 10 || (words[3] != tcpListen && words[3] != udpOpen) {
		return addr, "", false
	}
	host, port, found := strings.Cut(words[1], ":")
	n, err := strconv.ParseUint(port, 16, 16)
	a, err2 := hexAddr(host)
	if !found || err != nil || err2 != nil {
		return addr, "", false
	}
	return netip.AddrPortFrom(a, uint16(n)), words[9], true
}

// hexAddr reads an address as the kernel prints it: words of 32 bits in the
// machine's own byte order.
func hexAddr(s string) (netip.Addr, error) {
	b, err := hex.DecodeString(s)
	if err != nil || (len(b) != 4 && len(b) != 16) {
		return netip.Addr{}, fmt.Errorf("parse address %q: not 4 or 16 bytes", s)
	}
	for i := 0; i < len(b); i += 4 {
		binary.NativeEndian.PutUint32(b[i:], binary.BigEndian.Uint32(b[i:]))
	}
	a, _ := netip.AddrFromSlice(b)
	return a, nil
}

// name finds the processes that hold the sockets.
func name(proc string, all []Listener, inodes map[string][]int) {
	fds, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	for _, fd := range fds {
		target, err := os.Readlink(fd)
		if err != nil {
			continue
		}
		inode, ok := strings.CutPrefix(target, "socket:[")
		if !ok {
			continue
		}
		for _, i := range inodes[strings.TrimSuffix(inode, "]")] {
			process := filepath.Dir(filepath.Dir(fd))
			all[i].PID, _ = strconv.Atoi(filepath.Base(process))
			comm, _ := os.ReadFile(filepath.Join(process, "comm"))
			all[i].Process = strings.TrimSpace(string(comm))
		}
	}
}
