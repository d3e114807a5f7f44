package server

import (
	"log/slog"
	"os"
	"sync"
	"time"

	"nagi.dev/internal/status"
	"nagi.dev/internal/version"
)

// A board keeps the status file.
type board struct {
	file string
	log  *slog.Logger

	mu sync.Mutex // guards s and the order of writes
	s  status.Status
}

func newBoard(file string, log *slog.Logger) *board {
	return &board{file: file, log: log, s: status.Status{PID: os.Getpid(), Version: version.Version, Started: time.Now(), Parts: []status.Part{}}}
}

// set changes the status and writes it.
func (b *board) set(f func(*status.Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.s)
	if err := status.Write(b.file, b.s); err != nil {
		b.log.Error("write status", "err", err)
	}
}

// expect lists a part before it starts.
func (b *board) expect(name string) {
	b.set(func(s *status.Status) {
		s.Parts = append(s.Parts, status.Part{Name: name, State: status.Waiting, Since: time.Now()})
	})
}

// part changes one part.
func (b *board) part(name string, f func(*status.Part)) {
	b.set(func(s *status.Status) {
		for i := range s.Parts {
			if s.Parts[i].Name == name {
				f(&s.Parts[i])
				b.log.Info("part", "name", name, "state", s.Parts[i].State, "pid", s.Parts[i].PID, "err", s.Parts[i].Error)
			}
		}
	})
}
