// Package etcd runs the store of the API server inside this process. It
// listens on a Unix socket that only its owner may open, and knows nothing of
// what is stored. Start with Part.
package etcd

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// A Part is one etcd member, alone in its cluster.
type Part struct {
	Dir    string // data; made when missing
	Socket string // where clients connect

	etcd *embed.Etcd
}

// member is the name of the only member; it is stored in the data folder.
const member = "nagi"

// Name implements run.Part.
func (*Part) Name() string { return "etcd" }

// Start implements run.Part.
func (p *Part) Start(context.Context) error {
	if err := os.RemoveAll(p.Socket); err != nil {
		return fmt.Errorf("remove the socket of a former run: %w", err)
	}
	e, err := embed.StartEtcd(p.config())
	if err != nil {
		return fmt.Errorf("open store %s: %w", p.Dir, err)
	}
	p.etcd = e
	return nil
}

func (p *Part) config() *embed.Config {
	c := embed.NewConfig()
	c.Name = member
	c.Dir = p.Dir
	client := url.URL{Scheme: "unix", Path: p.Socket}
	c.ListenClientUrls = []url.URL{client}
	c.AdvertiseClientUrls = []url.URL{client}
	c.ListenPeerUrls = nil // alone: no peer may connect
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:2380"}
	c.AdvertisePeerUrls = []url.URL{peer}
	c.InitialCluster = member + "=" + peer.String()
	c.LogLevel = "warn"
	c.LogOutputs = []string{"stderr"}
	c.AutoCompactionMode = embed.CompactorModePeriodic // the API server compacts too; this holds without it
	c.AutoCompactionRetention = "10m"
	c.QuotaBackendBytes = 8 << 30
	c.SnapshotCount = 10000
	// Alone, an election is a formality: let it happen at once.
	c.TickMs, c.ElectionMs = 10, 100
	c.InitialElectionTickAdvance = true
	return c
}

// Ready implements run.Readier.
func (p *Part) Ready(ctx context.Context) error {
	select {
	case <-p.etcd.Server.ReadyNotify():
		return nil
	case err := <-p.etcd.Err():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Err reports a store that ended by itself.
func (p *Part) Err() <-chan error { return p.etcd.Err() }

// Stop implements run.Part. The wait is bounded because a clean close waits
// for every client; what was acknowledged is on disk either way.
func (p *Part) Stop(ctx context.Context) error {
	if p.etcd == nil {
		return nil
	}
	done := make(chan struct{})
	go func() { p.etcd.Server.HardStop(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	case <-ctx.Done():
	}
	return nil
}
