package wire

import (
	"errors"

	"nagi.dev/bus"
)

// A batch is what came in together for one queue: appends, or verdicts.
type batch struct {
	kind     byte // 0: nothing was gathered
	queue    string
	entries  []bus.Entry
	verdicts []bus.Verdict
	parts    []part
}

// A part is what one frame added.
type part struct {
	request uint32
	count   int
}

// gather adds a frame to the batch, after sending off one it does not fit.
func (c *conn) gather(r *reader, request uint32, kind byte) error {
	b := &c.batch
	queue := r.bytes()
	if b.kind != kind || b.queue != string(queue) {
		c.flush()
		b.kind, b.queue = kind, string(queue)
	}
	before := len(b.entries) + len(b.verdicts)
	if kind == kindAppend {
		b.entries = r.entries(b.entries)
	} else {
		b.verdicts = r.verdicts(b.verdicts)
	}
	b.parts = append(b.parts, part{request, len(b.entries) + len(b.verdicts) - before})
	return r.done()
}

// flush gives the batch to the log and answers its frames.
func (c *conn) flush() {
	b := &c.batch
	switch b.kind {
	case kindAppend:
		c.flushAppends(b)
	case kindSettle:
		c.flushVerdicts(b)
	}
	clear(b.entries)
	clear(b.verdicts)
	*b = batch{entries: b.entries[:0], verdicts: b.verdicts[:0], parts: b.parts[:0]}
}

// flushAppends appends all together. If that is refused, each frame is judged
// by itself: one that is too large must not take others with it.
func (c *conn) flushAppends(b *batch) {
	numbers, err := c.log.Append(c.ctx, b.queue, b.entries)
	if err != nil && len(b.parts) > 1 && !hopeless(err) {
		entries := b.entries
		for _, p := range b.parts {
			numbers, err := c.log.Append(c.ctx, b.queue, entries[:p.count])
			c.reply(p.request, func(f []byte) []byte { return appendNumbers(f, numbers) }, err)
			entries = entries[p.count:]
		}
		return
	}
	for _, p := range b.parts {
		var own []uint64
		if err == nil {
			own, numbers = numbers[:p.count], numbers[p.count:]
		}
		c.reply(p.request, func(f []byte) []byte { return appendNumbers(f, own) }, err)
	}
}

// hopeless says whether an error is about the log and not about a frame.
func hopeless(err error) bool {
	return errors.Is(err, bus.ErrBroken) || errors.Is(err, bus.ErrClosed)
}

func (c *conn) flushVerdicts(b *batch) {
	errs, err := c.log.Settle(c.ctx, b.queue, b.verdicts)
	for _, p := range b.parts {
		var own []error
		if err == nil {
			own, errs = errs[:p.count], errs[p.count:]
		}
		c.reply(p.request, func(f []byte) []byte { return appendErrors(f, own) }, err)
	}
}

// reply writes an answer straight into what is sent next.
func (c *conn) reply(request uint32, payload func([]byte) []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		b, start := open(c.out, request, kindError)
		c.out = shut(appendError(b, err), start)
		return
	}
	b, start := open(c.out, request, kindOK)
	c.out = shut(payload(b), start)
}
