package wire

import (
	"encoding/binary"
	"time"

	"nagi.dev/bus"
)

// The shapes of what frames carry: uvarints, varints where a value may be
// below zero, bytes with their length before them.

func appendEntry(b []byte, e bus.Entry) []byte {
	b = appendText(b, e.ID)
	b = append(b, byte(e.Priority))
	b = binary.AppendVarint(b, int64(e.Delay))
	return appendText(b, e.Body)
}

func (r *reader) entry() bus.Entry {
	return bus.Entry{ID: r.text(), Priority: int8(r.byte()), Delay: time.Duration(r.varint()), Body: r.bytes()}
}

func appendEntries(b []byte, entries []bus.Entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for _, e := range entries {
		b = appendEntry(b, e)
	}
	return b
}

// entries are added to those that are there.
func (r *reader) entries(to []bus.Entry) []bus.Entry {
	for range r.count(4) {
		to = append(to, r.entry())
	}
	return to
}

func appendNumbers(b []byte, numbers []uint64) []byte {
	b = binary.AppendUvarint(b, uint64(len(numbers)))
	for _, n := range numbers {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func (r *reader) numbers() (numbers []uint64) {
	for range r.count(1) {
		numbers = append(numbers, r.uvarint())
	}
	return numbers
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(b, 0)
	}
	return binary.AppendVarint(b, t.UnixNano())
}

func (r *reader) time() time.Time {
	if ns := r.varint(); ns != 0 {
		return time.Unix(0, ns).UTC()
	}
	return time.Time{}
}

func appendItems(b []byte, items []bus.Item) []byte {
	b = binary.AppendUvarint(b, uint64(len(items)))
	for _, it := range items {
		b = binary.AppendUvarint(b, it.Number)
		b = append(appendText(b, it.ID), byte(it.Priority))
		b = appendTime(b, it.At)
		b = binary.AppendUvarint(b, uint64(it.Attempt))
		b = binary.AppendUvarint(b, it.Token)
		b = appendTime(b, it.Until)
		for _, s := range []string{it.Owner, it.Reason, it.Tail} {
			b = appendText(b, s)
		}
		b = appendText(b, it.Body)
	}
	return b
}

func (r *reader) items() (items []bus.Item) {
	for range r.count(11) {
		items = append(items, bus.Item{
			Number: r.uvarint(), ID: r.text(), Priority: int8(r.byte()), At: r.time(),
			Attempt: int(r.uvarint()), Token: r.uvarint(), Until: r.time(),
			Owner: r.text(), Reason: r.text(), Tail: r.text(), Body: r.bytes(),
		})
	}
	return items
}

func appendWant(b []byte, w bus.Want) []byte {
	b = binary.AppendUvarint(b, uint64(max(w.Most, 0)))
	b = binary.AppendVarint(b, int64(w.For))
	b = binary.AppendVarint(b, int64(w.Wait))
	return appendText(b, w.Owner)
}

func (r *reader) want() bus.Want {
	return bus.Want{Most: int(min(r.uvarint(), 1<<30)), For: time.Duration(r.varint()), Wait: time.Duration(r.varint()), Owner: r.text()}
}

func appendVerdicts(b []byte, verdicts []bus.Verdict) []byte {
	b = binary.AppendUvarint(b, uint64(len(verdicts)))
	for _, v := range verdicts {
		b = binary.AppendUvarint(b, v.Number)
		b = binary.AppendUvarint(b, v.Token)
		b = binary.AppendVarint(append(b, byte(v.Act)), int64(v.For))
		b = appendText(appendText(appendText(b, v.Result), v.Reason), v.Tail)
		b = binary.AppendUvarint(b, uint64(len(v.Emit)))
		for _, e := range v.Emit {
			b = appendEntry(appendText(b, e.Queue), e.Entry)
		}
	}
	return b
}

// verdicts are added to those that are there.
func (r *reader) verdicts(to []bus.Verdict) []bus.Verdict {
	for range r.count(8) {
		v := bus.Verdict{
			Number: r.uvarint(), Token: r.uvarint(), Act: bus.Act(r.byte()), For: time.Duration(r.varint()),
			Result: r.bytes(), Reason: r.text(), Tail: r.text(),
		}
		for range r.count(5) {
			v.Emit = append(v.Emit, bus.Emit{Queue: r.text(), Entry: r.entry()})
		}
		to = append(to, v)
	}
	return to
}

func appendErrors(b []byte, errs []error) []byte {
	b = binary.AppendUvarint(b, uint64(len(errs)))
	for _, err := range errs {
		b = appendError(b, err)
	}
	return b
}

func (r *reader) errors() (errs []error) {
	for range r.count(1) {
		errs = append(errs, r.error())
	}
	return errs
}

func appendResults(b []byte, results []bus.Result) []byte {
	b = binary.AppendUvarint(b, uint64(len(results)))
	for _, x := range results {
		for _, v := range []uint64{x.Completion, x.Number, x.Token, uint64(x.Attempt)} {
			b = binary.AppendUvarint(b, v)
		}
		b = appendText(appendText(appendTime(b, x.At), x.ID), x.Owner)
		b = appendText(b, x.Result)
	}
	return b
}

func (r *reader) results() (results []bus.Result) {
	for range r.count(8) {
		results = append(results, bus.Result{
			Completion: r.uvarint(), Number: r.uvarint(), Token: r.uvarint(), Attempt: int(r.uvarint()),
			At: r.time(), ID: r.text(), Owner: r.text(), Result: r.bytes(),
		})
	}
	return results
}

func appendCounts(b []byte, c bus.Counts) []byte {
	for _, v := range []int64{c.Ready, c.Delayed, c.Leased, c.Dead, c.Bytes} {
		b = binary.AppendVarint(b, v)
	}
	for _, v := range []uint64{c.Appended, c.Completed, c.Cancelled, c.Failed} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func (r *reader) counts() bus.Counts {
	return bus.Counts{
		Ready: r.varint(), Delayed: r.varint(), Leased: r.varint(), Dead: r.varint(), Bytes: r.varint(),
		Appended: r.uvarint(), Completed: r.uvarint(), Cancelled: r.uvarint(), Failed: r.uvarint(),
	}
}
