package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// jetStream is nats-server of the Go module, in a process of its own, with
// SyncAlways: by default it acknowledges before it syncs.
type jetStream struct {
	addr  string
	queue int
}

func (*jetStream) name() string { return "jetstream" }

func (j *jetStream) start(ctx context.Context, dir string) (func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if j.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	return run(ctx, dir, j.addr, []string{"BENCH_SERVE=jetstream"}, self, "serve", j.addr, dir)
}

// serveJetStream is what the process does.
func serveJetStream(addr, dir string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{Host: host, Port: n, JetStream: true, StoreDir: dir, SyncAlways: true, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go s.Start()
	<-ctx.Done()
	s.Shutdown()
	return nil
}

func (j *jetStream) fresh() error { j.queue++; return nil }

func (j *jetStream) dial() (session, error) {
	nc, err := nats.Connect("nats://" + j.addr)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	s := &jetSession{nc: nc, js: js, queue: fmt.Sprint("q", j.queue), ctx: context.Background()}
	s.stored, err = js.CreateOrUpdateStream(s.ctx, jetstream.StreamConfig{
		Name: s.queue, Subjects: []string{s.queue}, Storage: jetstream.FileStorage, Retention: jetstream.WorkQueuePolicy, AllowAtomicPublish: true,
	})
	return s, err
}

type jetSession struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	ctx    context.Context
	queue  string
	stored jetstream.Stream
	pull   jetstream.Consumer
}

func (s *jetSession) close() { s.nc.Close() }

func (s *jetSession) put() error {
	_, err := s.js.Publish(s.ctx, s.queue, body)
	return err
}

// stream publishes atomic batches: nothing else shares a sync there.
func (s *jetSession) stream(window int, more func() bool, acked func(int, time.Time)) error {
	return bursts(window, more, acked, s.batch)
}

var batchNumber struct {
	sync.Mutex
	n int
}

func (s *jetSession) batch(n int) error {
	batchNumber.Lock()
	batchNumber.n++
	id := fmt.Sprint("b", batchNumber.n)
	batchNumber.Unlock()
	for i := 1; i <= n; i++ {
		m := &nats.Msg{Subject: s.queue, Data: body, Header: nats.Header{"Nats-Batch-Id": {id}, "Nats-Batch-Sequence": {strconv.Itoa(i)}}}
		if i < n {
			if err := s.nc.PublishMsg(m); err != nil {
				return err
			}
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		answer, err := s.nc.RequestMsg(m, 10*time.Second)
		if err != nil {
			return err
		}
		if err := acknowledged(answer.Data); err != nil {
			return err
		}
	}
	return nil
}

// acknowledged reads the answer to a batch.
func acknowledged(answer []byte) error {
	var a struct {
		Error *struct{ Description string }
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.Error != nil {
		return fmt.Errorf("jetstream answers %s", answer)
	}
	return nil
}

// take leaves the acknowledgements to the connection but for the last, which
// it waits for.
func (s *jetSession) take(most int) (n int, err error) {
	if s.pull == nil {
		s.pull, err = s.stored.CreateOrUpdateConsumer(s.ctx, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 100_000, AckWait: time.Minute})
		if err != nil {
			return 0, err
		}
	}
	batch, err := s.pull.Fetch(most, jetstream.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return 0, err
	}
	var last jetstream.Msg
	for m := range batch.Messages() {
		if last != nil {
			if err := last.Ack(); err != nil {
				return n, err
			}
		}
		last = m
		n++
	}
	if last == nil {
		return 0, nil
	}
	return n, last.DoubleAck(s.ctx)
}
