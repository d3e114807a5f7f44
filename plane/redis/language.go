package redis

import (
	"bytes"
	"errors"
	"strconv"

	"nagi.dev/plane/shards"
)

// resp is what a pool must know of RESP. Version 0 is RESP2, version 1 RESP3.
type resp struct{}

// Login authenticates, chooses the protocol and the database.
func (resp) Login(l shards.Login, version uint8) (all [][]byte) {
	switch {
	case l.Password != "" && l.Username != "":
		all = append(all, encode(nil, []byte("AUTH"), []byte(l.Username), []byte(l.Password)))
	case l.Password != "":
		all = append(all, encode(nil, []byte("AUTH"), []byte(l.Password)))
	}
	if version == 1 {
		all = append(all, encode(nil, []byte("HELLO"), []byte("3")))
	}
	if l.Database != 0 {
		all = append(all, encode(nil, []byte("SELECT"), strconv.AppendInt(nil, int64(l.Database), 10)))
	}
	return all
}

// Ping is PING; a shard that loads its data answers it with an error.
func (resp) Ping() []byte { return []byte("*1\r\n$4\r\nPING\r\n") }

// Refused returns an error reply.
func (resp) Refused(p []byte) error {
	if p[0] != '-' {
		return nil
	}
	return errors.New(string(bytes.TrimRight(p[1:], "\r\n")))
}

// Push is one of RESP3 outside of subscriptions.
func (resp) Push(p []byte) bool { return p[0] == '>' }

// Scanner finds the ends of replies.
func (resp) Scanner() shards.Scanner { return new(scanner) }
