package main

import (
	"context"
	"fmt"
	"time"

	"nagi.dev/bus"
	"nagi.dev/bus/wire"
)

// produce appends batches, each until it is acknowledged: IDs make that safe.
func (t *trial) produce(ctx context.Context, who int) {
	c := wire.NewClient(t.addr)
	defer c.Close()
	for i := 0; ctx.Err() == nil; i++ {
		var entries []bus.Entry
		for j := range 1 + i%7 {
			id := fmt.Sprint(who, "/", i, "/", j)
			entries = append(entries, bus.Entry{ID: id, Body: []byte(id), Priority: int8(i % 3), Delay: time.Duration(i%5/4) * 5 * time.Millisecond})
		}
		t.told.sent(entries)
		for {
			numbers, err := c.Append(context.Background(), name, entries)
			if err == nil {
				t.told.appended(entries, numbers)
				break
			}
			time.Sleep(time.Millisecond)
			if ctx.Err() != nil {
				return // the last batch was not acknowledged
			}
		}
	}
}

// work leases and settles; now and then it fails, gives back, or vanishes
// with what it holds. A verdict is said again until there is an answer.
func (t *trial) work(ctx context.Context, who int) {
	owner := fmt.Sprint("w", who)
	c := wire.NewClient(t.addr)
	defer func() { _ = c.Close() }()
	for i := who; ctx.Err() == nil; i++ {
		items, err := c.Lease(ctx, name, bus.Want{Most: 1 + i%50, Wait: 100 * time.Millisecond, Owner: owner})
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		if i%101 == 100 {
			_ = c.Close() // the leases run out
			c = wire.NewClient(t.addr)
			continue
		}
		var verdicts []bus.Verdict
		for j, it := range items {
			t.told.leased(it)
			v := bus.Verdict{Number: it.Number, Token: it.Token, Act: bus.Done, Result: []byte(it.ID)}
			switch (i + j) % 11 {
			case 3:
				v = bus.Verdict{Number: it.Number, Token: it.Token, Act: bus.Again, Reason: "chance"}
			case 7:
				v = bus.Verdict{Number: it.Number, Token: it.Token, Act: bus.Release}
			}
			verdicts = append(verdicts, v)
		}
		for len(verdicts) > 0 && ctx.Err() == nil {
			errs, err := c.Settle(ctx, name, verdicts)
			if err == nil {
				t.told.settled(verdicts, errs)
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}
