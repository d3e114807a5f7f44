package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A load is one way to ask, with the targets of this project's design: at most
// cpu times the processor time of nutcracker, at least rate times its rate.
type load struct {
	name           string
	args           []string
	requests       int
	cpu, rate      float64
	addedLatencies bool
}

func redisLoads() (all []load) {
	for _, p := range []int{1, 32} {
		for _, size := range []int{32, 1024} {
			for _, command := range []string{"SET", "GET"} {
				l := load{
					name: fmt.Sprintf("%s, pipeline %d, %d B", command, p, size), requests: 100_000, cpu: .95, rate: 1, addedLatencies: p == 1,
					args: []string{"-t", strings.ToLower(command), "-P", strconv.Itoa(p), "-d", strconv.Itoa(size)},
				}
				switch {
				case p == 32 && size == 32:
					l.requests, l.cpu, l.rate = 1_000_000, .45, 1.7
				case p == 32:
					l.requests, l.cpu, l.rate = 400_000, .7, 0
				}
				all = append(all, l)
			}
		}
	}
	mget := load{name: "MGET of 100 keys", requests: 15_000, args: []string{"MGET"}}
	for range 100 {
		mget.args = append(mget.args, "key:__rand_int__")
	}
	return append(all, mget)
}

// A sample is what one run gave.
type sample struct{ rate, cpu, p50, p99 float64 }

// A target is who is asked; direct has no process of its own that counts.
type target struct {
	name, address string
	process       *process
	samples       map[string][]sample
}

func (t *target) median(l load, of func(sample) float64) float64 {
	var all []float64
	for _, s := range t.samples[l.name] {
		all = append(all, of(s))
	}
	return median(all)
}

func rate(s sample) float64 { return s.rate }
func cpu(s sample) float64  { return s.cpu }

func benchRedis(ctx context.Context, b bench) (rows []row, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends what runs
	shards, err := redisShards(ctx, b, 3)
	if err != nil {
		return nil, err
	}
	nut, err := b.nutcracker(ctx, shards)
	if err != nil {
		return nil, err
	}
	us, err := b.redisPlane(ctx, shards)
	if err != nil {
		return nil, err
	}
	direct := &target{name: "direct", address: shards[0], samples: map[string][]sample{}}
	rows = append(rows,
		row{Name: "redis plane, idle memory", Value: us.process.rss(), Unit: "MB"}.beside("nutcracker", nut.process.rss(), 0, 0))
	rows[0].Target = 12
	loads := redisLoads()
	for r := range b.rounds {
		for _, l := range loads {
			for _, t := range []*target{direct, nut, us} {
				s, err := t.run(ctx, l)
				if err != nil {
					return rows, err
				}
				fmt.Printf("round %d, %s, %s: %.0f/s, %.2f s/M, p50 %.3f p99 %.3f ms\n", r+1, l.name, t.name, s.rate, s.cpu, s.p50, s.p99)
			}
		}
	}
	for _, l := range loads {
		rows = append(rows, redisRows(l, direct, nut, us)...)
	}
	idle, err := perConnection(us, 4000)
	if err != nil {
		return rows, err
	}
	rows = append(rows,
		row{Name: "redis plane, loaded memory", Value: us.process.rss(), Unit: "MB"}.beside("nutcracker", nut.process.rss(), 0, 0),
		row{Name: "redis plane, memory of an idle connection", Value: idle, Unit: "KiB", Target: 1})
	return rows, nil
}

func redisRows(l load, direct, nut, us *target) []row {
	p50 := func(s sample) float64 { return s.p50 }
	p99 := func(s sample) float64 { return s.p99 }
	rows := []row{
		row{Name: "redis " + l.name + ": processor time", Value: us.median(l, cpu), Unit: "s/M"}.beside("nutcracker", nut.median(l, cpu), l.cpu, 0),
		row{Name: "redis " + l.name + ": rate", Value: us.median(l, rate), Unit: "req/s"}.beside("nutcracker", nut.median(l, rate), 0, l.rate),
		row{Name: "redis " + l.name + ": rate, beside no proxy", Value: us.median(l, rate), Unit: "req/s"}.beside("direct", direct.median(l, rate), 0, 0),
	}
	if l.addedLatencies {
		rows = append(rows,
			row{Name: "redis " + l.name + ": added p50", Value: us.median(l, p50) - direct.median(l, p50), Unit: "ms"}.beside("nutcracker", nut.median(l, p50)-direct.median(l, p50), 0, 0),
			row{Name: "redis " + l.name + ": added p99", Value: us.median(l, p99) - direct.median(l, p99), Unit: "ms"}.beside("nutcracker", nut.median(l, p99)-direct.median(l, p99), 0, 0))
	}
	return rows
}

// run asks t once with redis-benchmark.
func (t *target) run(ctx context.Context, l load) (s sample, err error) {
	host, port, _ := net.SplitHostPort(t.address)
	args := append([]string{"-h", host, "-p", port, "-c", "50", "-n", strconv.Itoa(l.requests), "-r", "100000", "--csv"}, l.args...)
	before := t.spent()
	out, err := exec.CommandContext(ctx, "redis-benchmark", args...).Output()
	if err != nil {
		return s, fmt.Errorf("ask %s: %w", t.name, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	f := strings.Split(strings.ReplaceAll(lines[len(lines)-1], `"`, ""), ",")
	if len(f) != 8 {
		return s, fmt.Errorf("ask %s: redis-benchmark says %q", t.name, lines[len(lines)-1])
	}
	for i, v := range map[int]*float64{1: &s.rate, 4: &s.p50, 6: &s.p99} {
		if *v, err = strconv.ParseFloat(f[i], 64); err != nil {
			return s, fmt.Errorf("ask %s: %w", t.name, err)
		}
	}
	s.cpu = (t.spent() - before) * 1e6 / float64(l.requests)
	t.samples[l.name] = append(t.samples[l.name], s)
	return s, nil
}

func (t *target) spent() float64 {
	if t.process == nil {
		return 0
	}
	return t.process.spent()
}

func redisShards(ctx context.Context, b bench, n int) (all []string, err error) {
	for range n {
		address, err := free()
		if err != nil {
			return nil, err
		}
		host, port, _ := net.SplitHostPort(address)
		if _, err := start(ctx, address, "redis-server", "--bind", host, "--port", port, "--save", "", "--dir", b.dir); err != nil {
			return nil, err
		}
		all = append(all, address)
	}
	return all, nil
}

func (b bench) nutcracker(ctx context.Context, shards []string) (*target, error) {
	address, err := free()
	if err != nil {
		return nil, err
	}
	stats, err := free()
	if err != nil {
		return nil, err
	}
	text := "p:\n  listen: " + address + "\n  redis: true\n  hash: fnv1a_64\n  distribution: ketama\n  auto_eject_hosts: true\n  timeout: 2000\n  servers:\n"
	for _, s := range shards {
		text += "  - " + s + ":1\n"
	}
	file := filepath.Join(b.dir, "nutcracker.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(stats)
	p, err := start(ctx, address, "nutcracker", "-c", file, "-a", "127.0.0.1", "-s", port, "-o", filepath.Join(b.dir, "nutcracker.log"))
	return &target{name: "nutcracker", address: address, process: p, samples: map[string][]sample{}}, err
}

// redisPlane runs a plane with all that it offers: health, ejection, timeouts,
// figures and the local endpoint.
func (b bench) redisPlane(ctx context.Context, shards []string) (*target, error) {
	address, err := free()
	if err != nil {
		return nil, err
	}
	admin, err := free()
	if err != nil {
		return nil, err
	}
	var endpoints []map[string]string
	for _, s := range shards {
		endpoints = append(endpoints, map[string]string{"address": s})
	}
	type object = map[string]any
	text, err := json.Marshal(object{
		"listeners": []object{{"name": "redis", "address": address, "protocol": "redis", "routes": []object{{"arms": []object{{"pool": "p"}}}}}},
		"pools": []object{{
			"name": "p", "endpoints": endpoints, "timeout": "2s",
			"balance": object{"algorithm": "ketama", "hash": "fnv1a_64", "ejectHosts": true, "hashTag": "{}"},
			"health":  object{"failures": 2, "active": object{"interval": "1s"}},
		}},
	})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "redis.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	p, err := start(ctx, address, b.plane, "proxy", "--config", file, "--admin", admin)
	return &target{name: "plane", address: address, process: p, samples: map[string][]sample{}}, err
}

// perConnection is what n connections that have asked once and rest cost, in KiB each.
func perConnection(t *target, n int) (kib float64, err error) {
	before := t.process.rss()
	for range n {
		c, err := net.Dial("tcp", t.address)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if _, err := c.Write([]byte("GET a\r\n")); err != nil {
			return 0, err
		}
		if _, err := c.Read(make([]byte, 64)); err != nil {
			return 0, err
		}
	}
	return (t.process.rss() - before) * 1e6 / 1024 / float64(n), nil
}
