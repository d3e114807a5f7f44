package ring

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const keysAsked = 100_000

// A server is one that twemproxy shards over, and the Member it should be.
type server struct {
	line   string // as in nutcracker.yml
	listen string
	member Member
}

// servers cover what changes placement: weights, names, the port that is left
// out, sockets. The addresses are drawn so that runs do not meet.
func servers(t *testing.T) []server {
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(256), 1+rand.IntN(250))
	socket := filepath.Join(t.TempDir(), "s")
	plain := func(port string, weight int) server {
		address := host + ":" + port
		return server{fmt.Sprintf("%s:%d", address, weight), address, Member{Name: Name(address), Weight: weight}}
	}
	return []server{
		plain("7001", 1),
		plain("11211", 2),
		plain("7003", 3),
		{host + ":7004:1 third", host + ":7004", Member{Name: "third", Weight: 1}},
		{socket + ":2", "unix:" + socket, Member{Name: Name("unix:" + socket), Weight: 2}},
	}
}

// A pair is a pool of the real nutcracker: a hash, a distribution, a tag.
type pair struct{ hash, distribution, tag string }

func pairs() (all []pair) {
	for hash := range hashes {
		if hash == "xxh64" {
			continue // twemproxy has none
		}
		for _, d := range []string{"ketama", "modula", "random"} {
			all = append(all, pair{hash, d, ""})
		}
	}
	for _, d := range []string{"ketama", "modula"} {
		all = append(all, pair{"fnv1a_64", d, "{}"}, pair{"murmur", d, "$$"})
	}
	return all
}

func TestEveryKeyBelongsWhereTheRealNutcrackerPlacesIt(t *testing.T) {
	keys := randomKeys(keysAsked)
	all := servers(t)
	for i, s := range all {
		answerWith(t, s.listen, i)
	}
	asked := pairs()
	sockets := runNutcracker(t, all, asked)
	var members []Member
	for _, s := range all {
		members = append(members, s.member)
	}
	for i, p := range asked {
		t.Run(strings.Join([]string{p.hash, p.distribution, p.tag}, " "), func(t *testing.T) {
			theirs := ask(t, sockets[i], keys)
			ours, err := New(members, Options{Algorithm: p.distribution, Hash: p.hash, Tag: p.tag, Chance: rand.Uint64, Compatible: true})
			if err != nil {
				t.Fatal(err)
			}
			if p.distribution == "random" {
				evenly(t, "nutcracker", len(all), theirs)
				evenly(t, "ring", len(all), place(ours, keys))
				return
			}
			least := 2
			if p.hash == "crc32" && p.distribution == "ketama" {
				least = 1 // fifteen bits reach the first points of the circle only
			}
			same(t, keys, theirs, place(ours, keys), least)
		})
	}
}

func place(r *Ring, keys [][]byte) (all []int) {
	for _, k := range keys {
		all = append(all, r.Place(k))
	}
	return all
}

func same(t *testing.T, keys [][]byte, theirs, ours []int, least int) {
	t.Helper()
	wrong, used := 0, map[int]bool{}
	for i := range keys {
		used[theirs[i]] = true
		if theirs[i] != ours[i] {
			if wrong++; wrong < 4 {
				t.Errorf("key %q: nutcracker says %d, we say %d", keys[i], theirs[i], ours[i])
			}
		}
	}
	if wrong > 0 || len(used) < least {
		t.Errorf("%d of %d keys differ; nutcracker used %d servers", wrong, len(keys), len(used))
	}
}

// evenly says that chance alone, and no weight, gave keys to n members:
// chi-square with four degrees of freedom is above 23.5 once in ten thousand.
func evenly(t *testing.T, who string, n int, placed []int) {
	t.Helper()
	counts := make([]float64, n)
	for _, m := range placed {
		counts[m]++
	}
	mean, chi := float64(len(placed))/float64(n), 0.0
	for _, c := range counts {
		chi += (c - mean) * (c - mean) / mean
	}
	if chi > 23.5 {
		t.Errorf("%s: chi-square %.1f of %v", who, chi, counts)
	}
}

// randomKeys are words, numbers, bytes of every value, and such with tags.
func randomKeys(n int) [][]byte {
	r := rand.New(rand.NewPCG(uint64(os.Getpid()), 7))
	keys := make([][]byte, n)
	for i := range keys {
		k := make([]byte, 1+r.IntN(40))
		for j := range k {
			k[j] = byte(r.Uint32())
			if i%3 == 0 {
				k[j] = "abcxyz0189:{}$_"[r.IntN(15)]
			}
		}
		if i%7 == 0 {
			k = fmt.Appendf(nil, "key:%012d", r.IntN(1e9))
		}
		keys[i] = k
	}
	return keys
}

// answerWith runs a server that answers each GET with its number.
func answerWith(t *testing.T, address string, number int) {
	network, where := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, where = "unix", path
	}
	n, err := net.Listen(network, where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	go func() {
		for {
			c, err := n.Accept()
			if err != nil {
				return
			}
			go answer(c, fmt.Sprintf("$1\r\n%d\r\n", number))
		}
	}()
}

func answer(c net.Conn, with string) {
	defer c.Close()
	r, w := bufio.NewReader(c), bufio.NewWriter(c)
	for {
		for range 2 { // *2 $3 GET $n KEY
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
		}
		if _, err := r.ReadString('\n'); err != nil {
			return
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
		if err != nil {
			return
		}
		if _, err := r.Discard(n + 2); err != nil {
			return
		}
		_, _ = w.WriteString(with)
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
	}
}

// runNutcracker runs the real one with a pool for each pair.
func runNutcracker(t *testing.T, all []server, asked []pair) (sockets []string) {
	program, err := exec.LookPath("nutcracker")
	if err != nil {
		t.Fatal("this test asks the real nutcracker: install Debian's package nutcracker, as make test does")
	}
	dir := t.TempDir()
	var b strings.Builder
	for i, p := range asked {
		sockets = append(sockets, filepath.Join(dir, strconv.Itoa(i)))
		fmt.Fprintf(&b, "p%d:\n  listen: %s\n  hash: %s\n  distribution: %s\n  redis: true\n", i, sockets[i], p.hash, p.distribution)
		if p.tag != "" {
			fmt.Fprintf(&b, "  hash_tag: %q\n", p.tag)
		}
		b.WriteString("  servers:\n")
		for _, s := range all {
			fmt.Fprintf(&b, "  - %s\n", s.line)
		}
	}
	file := filepath.Join(dir, "nutcracker.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stats := strconv.Itoa(20000 + rand.IntN(9000))
	c := exec.CommandContext(ctx, program, "-c", file, "-a", "127.0.0.1", "-s", stats, "-o", filepath.Join(dir, "log"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = c.Wait() })
	awaitSocket(t, sockets[len(sockets)-1], filepath.Join(dir, "log"))
	return sockets
}

func awaitSocket(t *testing.T, path, log string) {
	for deadline := time.Now().Add(10 * time.Second); ; {
		if c, err := net.Dial("unix", path); err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			b, _ := os.ReadFile(log)
			t.Fatalf("nutcracker does not listen:\n%s", b)
		}
		time.Sleep(5 * time.Millisecond) // another process, which tells nobody when it is ready
	}
}

// ask returns the number of the server that each key was asked of.
func ask(t *testing.T, socket string, keys [][]byte) (numbers []int) {
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	r, w := bufio.NewReader(c), bufio.NewWriter(c)
	for batch := range slices.Chunk(keys, 500) {
		for _, k := range batch {
			fmt.Fprintf(w, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(k), k)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		reply := make([]byte, 7*len(batch))
		if _, err := io.ReadFull(r, reply); err != nil {
			t.Fatalf("%v after %q", err, reply)
		}
		for i := range batch {
			numbers = append(numbers, int(reply[7*i+4]-'0'))
		}
	}
	return numbers
}
