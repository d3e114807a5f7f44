package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const leafCount = 20

// Leaves answer after a time that is spread as that of real ones: half within
// 5 ms, 3 in 100 not within 19 ms. One in a hundred may hang for a second.
type leafSet struct {
	addresses []string
	asked     atomic.Int64
	slow      atomic.Bool
	servers   []*http.Server
}

func newLeaves() (*leafSet, error) {
	s := &leafSet{}
	for range leafCount {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		srv := &http.Server{Handler: s, ReadHeaderTimeout: time.Second}
		s.addresses, s.servers = append(s.addresses, l.Addr().String()), append(s.servers, srv)
		go func() { _ = srv.Serve(l) }()
	}
	return s, nil
}

// ServeHTTP is one leaf.
func (s *leafSet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	d := time.Duration(5e6 * math.Exp(0.7*rand.NormFloat64()))
	if s.slow.Load() && rand.IntN(100) == 0 {
		d += time.Second
	}
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
	_, _ = io.WriteString(w, "[1]")
}

func (s *leafSet) close() {
	for _, srv := range s.servers {
		_ = srv.Close()
	}
}

// document scatters over the leaves, hedged or not.
func (s *leafSet) document(port int, hedge string) string {
	var leaves, pools []string
	for i, a := range s.addresses {
		leaves = append(leaves, fmt.Sprintf(`{"name": "l%d", "pool": "l%d"}`, i, i))
		pools = append(pools, fmt.Sprintf(`{"name": "l%d", "endpoints": [{"address": %q}]}`, i, a))
	}
	return fmt.Sprintf(`{"listeners": [{"name": "web", "address": "127.0.0.1:%d", "protocol": "http", "routes": [{"scatter": {"deadline": "3s",
		"leaves": [%s], "merge": {"builtin": "concat"}}%s}]}], "pools": [%s]}`, port, strings.Join(leaves, ","), hedge, strings.Join(pools, ","))
}

// scatter measures scattered requests: without slow leaves, with them, and
// with them hedged.
func (b bench) scatter(ctx context.Context, dir string) (rows []row, err error) {
	s, err := newLeaves()
	if err != nil {
		return nil, err
	}
	defer s.close()
	base, _, err := b.scattered(ctx, dir, s, "", false)
	if err != nil {
		return nil, err
	}
	bare, _, err := b.scattered(ctx, dir, s, "", true)
	if err != nil {
		return nil, err
	}
	hedged, extra, err := b.scattered(ctx, dir, s, `, "hedge": {}`, true)
	if err != nil {
		return nil, err
	}
	p50 := base[len(base)/2]
	add := func(what, unit string, value, target float64, peer string, peerValue float64) {
		rows = append(rows, row{Name: "scatter over 20 leaves: " + what, Value: value, Unit: unit, Target: target, Peer: peer, PeerValue: peerValue, Ratio: value / peerValue})
	}
	add("p99 with 1 % slow by 1 s, hedged", "ms", ninetyNine(hedged), 1.3*p50, "p50 without slow leaves", p50)
	add("p99 with 1 % slow by 1 s, hedged", "ms", ninetyNine(hedged), 0, "not hedged", ninetyNine(bare))
	add("p99 with 1 % slow by 1 s, hedged", "ms", ninetyNine(hedged), 0, "p99 without slow leaves", ninetyNine(base))
	add("more requests by hedging", "%", extra*100, 2, "budget", 2)
	return rows, nil
}

func ninetyNine(ms []float64) float64 { return ms[len(ms)*99/100] }

// scattered asks for a while with four clients and returns the latencies in
// order, and the share of requests beyond one a leaf.
func (b bench) scattered(ctx context.Context, dir string, s *leafSet, hedge string, slow bool) (ms []float64, extra float64, err error) {
	const port = 18700
	file := filepath.Join(dir, "scatter.json")
	if err := os.WriteFile(file, []byte(s.document(port, hedge)), 0o644); err != nil {
		return nil, 0, err
	}
	c, err := start(ctx, []string{b.plane, "proxy", "--admin", "off", "--config", file}, nil, port)
	if err != nil {
		return nil, 0, err
	}
	defer stop(c)
	s.slow.Store(slow)
	if _, err := ask(port, time.Second); err != nil { // the plane learns what is usual
		return nil, 0, err
	}
	before := s.asked.Load()
	if ms, err = ask(port, time.Duration(b.seconds)*2*time.Second); err != nil {
		return nil, 0, err
	}
	return ms, float64(s.asked.Load()-before)/float64(len(ms)*leafCount) - 1, nil
}

// ask loads the plane with four clients.
func ask(port int, d time.Duration) (ms []float64, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	until := time.Now().Add(d)
	for range 4 {
		wg.Go(func() {
			for time.Now().Before(until) {
				began := time.Now()
				ferr := whole(port)
				took := time.Since(began)
				mu.Lock()
				if ms = append(ms, float64(took.Microseconds())/1000); ferr != nil {
					err = ferr
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(ms)
	return ms, err
}

// whole asks once; the answer must hold all leaves.
func whole(port int) error {
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port)) //nolint:noctx // a load
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var list []int
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list) != leafCount {
		return fmt.Errorf("answered %s with %d leaves: %v", resp.Status, len(list), err)
	}
	return nil
}
