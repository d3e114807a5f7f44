package run

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
)

type fake struct {
	name  string
	fail  error
	trace *[]string
}

func (f fake) Name() string { return f.name }
func (f fake) Start(context.Context) error {
	*f.trace = append(*f.trace, "start "+f.name)
	return f.fail
}

func (f fake) Stop(context.Context) error {
	*f.trace = append(*f.trace, "stop "+f.name)
	return nil
}

func TestStartStopsInReverseWhenOneFails(t *testing.T) {
	var trace []string
	boom := errors.New("boom")
	_, err := Start(t.Context(), slog.New(slog.DiscardHandler),
		fake{"etcd", nil, &trace}, fake{"apiserver", nil, &trace}, fake{"kubelet", boom, &trace})
	if !errors.Is(err, boom) || err.Error() != "start kubelet: boom" {
		t.Errorf("err = %v", err)
	}
	want := []string{"start etcd", "start apiserver", "start kubelet", "stop apiserver", "stop etcd"}
	if !slices.Equal(trace, want) {
		t.Errorf("trace = %q, want %q", trace, want)
	}
}
