// Command worker moves votes from Redis to PostgreSQL. A vote leaves Redis only once
// PostgreSQL has it: whatever ends in between, no vote is lost. "worker
// migrate" makes the table and ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"nagi.dev/examples/voting/redis"
	"nagi.dev/examples/voting/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	s, err := store.Open(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if len(os.Args) > 1 && os.Args[1] == "migrate" {
		if err := s.Migrate(ctx); err != nil {
			log.Fatal(err)
		}
		log.Print("the table is there")
		return
	}
	w := worker{redis: &redis.Client{Addr: os.Getenv("REDIS_ADDR")}, store: s}
	log.Print("waiting for votes")
	w.run(ctx)
	log.Print("ending")
}

type worker struct {
	redis *redis.Client
	store *store.Store
}

// run goes on until ctx ends. After an error it begins with what was left.
func (w worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.leftovers(ctx)
		for err == nil && ctx.Err() == nil {
			err = w.next(ctx)
		}
		if ctx.Err() == nil {
			log.Printf("trying again: %v", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// leftovers puts votes back that were taken but never saved.
func (w worker) leftovers(ctx context.Context) error {
	for {
		_, err := w.ask(ctx, "LMOVE", "taken", "votes", "RIGHT", "LEFT")
		if errors.Is(err, redis.ErrNil) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// next waits up to a second for a vote and saves it. It finishes what it began
// even when ctx ends.
func (w worker) next(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	item, err := w.ask(ctx, "BLMOVE", "votes", "taken", "LEFT", "RIGHT", "1")
	if errors.Is(err, redis.ErrNil) {
		return nil
	}
	if err != nil {
		return err
	}
	var v struct{ Voter, Vote string }
	if err := json.Unmarshal([]byte(item), &v); err != nil {
		log.Printf("leaving out %q: %v", item, err)
	} else if err := w.save(ctx, v.Voter, v.Vote); err != nil {
		return err
	}
	_, err = w.ask(ctx, "LREM", "taken", "1", item)
	return err
}

// ask bounds the wait for a Redis that was replaced and cannot say so.
func (w worker) ask(ctx context.Context, words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return w.redis.Do(ctx, words...)
}

func (w worker) save(ctx context.Context, voter, vote string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return w.store.Save(ctx, voter, vote)
}
