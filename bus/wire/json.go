package wire

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"nagi.dev/bus"
)

// A duration is written as people do: "90s".
type duration time.Duration

// UnmarshalText is encoding.TextUnmarshaler's.
func (d *duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = duration(v)
	return err
}

// A payload is text, or base64 where it is none.
type payload struct {
	Body string `json:"body,omitempty"`
	Data []byte `json:"data,omitempty"`
}

func payloadOf(b []byte) payload {
	if utf8.Valid(b) {
		return payload{Body: string(b)}
	}
	return payload{Data: b}
}

func (p payload) bytes() []byte {
	if p.Data != nil {
		return p.Data
	}
	return []byte(p.Body)
}

type jsonEntry struct {
	payload
	ID       string   `json:"id,omitempty"`
	Priority int8     `json:"priority,omitempty"`
	Delay    duration `json:"delay,omitempty"`
}

func (e jsonEntry) entry() bus.Entry {
	return bus.Entry{Body: e.bytes(), ID: e.ID, Priority: e.Priority, Delay: time.Duration(e.Delay)}
}

type jsonItem struct {
	Number   uint64 `json:"number"`
	ID       string `json:"id,omitempty"`
	Priority int8   `json:"priority,omitempty"`
	payload
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt,omitempty"`
	Token   uint64    `json:"token,omitempty"` // below 2^53: a script can read it
	Until   time.Time `json:"until,omitzero"`
	Owner   string    `json:"owner,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Tail    string    `json:"tail,omitempty"`
}

func jsonItems(items []bus.Item) any {
	out := make([]jsonItem, len(items))
	for i, it := range items {
		out[i] = jsonItem{it.Number, it.ID, it.Priority, payloadOf(it.Body), it.At, it.Attempt, it.Token, it.Until, it.Owner, it.Reason, it.Tail}
	}
	return map[string]any{"items": out}
}

type jsonResult struct {
	Completion uint64    `json:"completion"`
	Number     uint64    `json:"number"`
	Token      uint64    `json:"token"`
	ID         string    `json:"id,omitempty"`
	Owner      string    `json:"owner,omitempty"`
	Attempt    int       `json:"attempt"`
	At         time.Time `json:"at"`
	Result     payload   `json:"result"`
}

func jsonResults(results []bus.Result) any {
	out := make([]jsonResult, len(results))
	for i, r := range results {
		out[i] = jsonResult{r.Completion, r.Number, r.Token, r.ID, r.Owner, r.Attempt, r.At, payloadOf(r.Result)}
	}
	return map[string]any{"results": out}
}

type jsonVerdict struct {
	Number uint64   `json:"number"`
	Token  uint64   `json:"token"`
	Act    act      `json:"act"`
	For    duration `json:"for,omitempty"`
	Result payload  `json:"result,omitzero"`
	Reason string   `json:"reason,omitempty"`
	Tail   string   `json:"tail,omitempty"`
	Emit   []struct {
		Queue string    `json:"queue"`
		Entry jsonEntry `json:"entry"`
	} `json:"emit,omitempty"`
}

// An act is a word: done, extend, again, release, bury.
type act bus.Act

var acts = map[string]bus.Act{"done": bus.Done, "extend": bus.Extend, "again": bus.Again, "release": bus.Release, "bury": bus.Bury}

// UnmarshalJSON is json.Unmarshaler's.
func (a *act) UnmarshalJSON(b []byte) error {
	var word string
	if err := json.Unmarshal(b, &word); err != nil {
		return err
	}
	v, ok := acts[word]
	if !ok {
		return fmt.Errorf("act %q; there are done, extend, again, release, bury", word)
	}
	*a = act(v)
	return nil
}

func (v jsonVerdict) verdict() (bus.Verdict, error) {
	out := bus.Verdict{Number: v.Number, Token: v.Token, Act: bus.Act(v.Act), For: time.Duration(v.For), Result: v.Result.bytes(), Reason: v.Reason, Tail: v.Tail}
	if v.Act == 0 {
		return out, fmt.Errorf("act is missing: %w", bus.ErrInvalid)
	}
	for _, e := range v.Emit {
		out.Emit = append(out.Emit, bus.Emit{Queue: e.Queue, Entry: e.Entry.entry()})
	}
	return out, nil
}
