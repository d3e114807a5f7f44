package main

import (
	"context"
)

type rabbit struct{}

func (*rabbit) name() string                                  { return "rabbitmq" }
func (*rabbit) start(context.Context, string) (func(), error) { return nil, errAbsent }
func (*rabbit) dial() (session, error)                        { return nil, nil }

type jetStream struct{}

func (*jetStream) name() string                                  { return "jetstream" }
func (*jetStream) start(context.Context, string) (func(), error) { return nil, errAbsent }
func (*jetStream) dial() (session, error)                        { return nil, nil }
