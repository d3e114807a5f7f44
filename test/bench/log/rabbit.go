package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbit is a quorum queue with publisher confirms: those are given after a
// sync.
type rabbit struct {
	addr  string
	queue int
}

func (*rabbit) name() string { return "rabbitmq" }

// rabbitServer is the script below Debian's, which would change the user.
const rabbitServer = "/usr/lib/rabbitmq/bin/rabbitmq-server"

func (r *rabbit) start(ctx context.Context, dir string) (func(), error) {
	if _, err := exec.LookPath(rabbitServer); err != nil {
		return nil, fmt.Errorf("rabbitmq-server: %w", errAbsent)
	}
	addrs := make([]string, 3)
	for i := range addrs {
		var err error
		if addrs[i], err = freeAddr(); err != nil {
			return nil, err
		}
	}
	r.addr = addrs[0]
	port := func(i int) string { _, p, _ := net.SplitHostPort(addrs[i]); return p }
	// Its name service would outlive it, so it runs as a child of ours.
	names := dir + "/epmd"
	if err := os.Mkdir(names, 0o700); err != nil {
		return nil, err
	}
	stopNames, err := run(ctx, names, addrs[1], nil, "epmd", "-port", port(1), "-address", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	env := []string{
		"HOME=" + dir, "ERL_EPMD_PORT=" + port(1), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_NODENAME=bench" + port(0) + "@localhost", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT=" + port(0), "RABBITMQ_DIST_PORT=" + port(2),
		"RABBITMQ_MNESIA_BASE=" + dir + "/mnesia", "RABBITMQ_LOG_BASE=" + dir + "/log", "RABBITMQ_PID_FILE=" + dir + "/pid", "RABBITMQ_ENABLED_PLUGINS_FILE=" + dir + "/plugins",
	}
	stop, err := run(ctx, dir, r.addr, env, rabbitServer)
	if err != nil {
		stopNames()
		return nil, err
	}
	return func() { stop(); stopNames() }, nil
}

func (r *rabbit) fresh() error { r.queue++; return nil }

func (r *rabbit) dial() (session, error) {
	c, err := amqp.Dial("amqp://guest:guest@" + r.addr + "/")
	if err != nil {
		return nil, err
	}
	ch, err := c.Channel()
	if err != nil {
		return nil, err
	}
	s := &rabbitSession{c: c, ch: ch, queue: fmt.Sprint("q", r.queue)}
	if _, err := ch.QueueDeclare(s.queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		return nil, err
	}
	s.acks = ch.NotifyPublish(make(chan amqp.Confirmation, 256))
	return s, ch.Confirm(false)
}

type rabbitSession struct {
	c     *amqp.Connection
	ch    *amqp.Channel
	queue string
	acks  chan amqp.Confirmation
	in    <-chan amqp.Delivery
}

func (s *rabbitSession) close() { _ = s.c.Close() }

func (s *rabbitSession) publish() error {
	return s.ch.Publish("", s.queue, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
}

func (s *rabbitSession) confirmed() error {
	if a, ok := <-s.acks; !ok || !a.Ack {
		return fmt.Errorf("rabbitmq did not confirm")
	}
	return nil
}

func (s *rabbitSession) put() error {
	if err := s.publish(); err != nil {
		return err
	}
	return s.confirmed()
}

// stream lets the window slide: confirms come in order.
func (s *rabbitSession) stream(window int, more func() bool, acked func(int, time.Time)) error {
	var sent []time.Time
	for m := true; m || len(sent) > 0; m = m && more() {
		if m {
			if err := s.publish(); err != nil {
				return err
			}
			sent = append(sent, time.Now())
		}
		if len(sent) == window || !m {
			if err := s.confirmed(); err != nil {
				return err
			}
			acked(1, sent[0])
			sent = sent[1:]
		}
	}
	return nil
}

// take acknowledges all that have come with one word.
func (s *rabbitSession) take(most int) (n int, err error) {
	if s.in == nil {
		if err := s.ch.Qos(most, 0, false); err != nil {
			return 0, err
		}
		if s.in, err = s.ch.Consume(s.queue, "", false, false, false, false, nil); err != nil {
			return 0, err
		}
	}
	var last amqp.Delivery
	wait := time.After(100 * time.Millisecond)
	for n < most {
		select {
		case last = <-s.in:
			n++
			continue
		default:
		}
		if n > 0 {
			break
		}
		select {
		case last = <-s.in:
			n++
		case <-wait:
			return 0, nil
		}
	}
	return n, last.Ack(true)
}
