package topz

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// A Row is one process.
type Row struct {
	PID     int     `json:"pid"`
	CPU     float64 `json:"cpu"` // percent of one processor, since the last question or for a moment
	Memory  float64 `json:"mem"` // percent of the machine's memory
	RSS     int64   `json:"rss"` // bytes
	Command string  `json:"command"`
}

// A sample is what was seen at one time.
type sample struct {
	at    time.Time
	ticks map[int]uint64
}

// A Server answers. The zero Server looks at /proc.
type Server struct {
	Proc string // "": /proc

	mu   sync.Mutex // guards last; one question at a time
	last sample
}

// A sample is good for a comparison while it is neither too young nor too old.
const (
	youngest = 200 * time.Millisecond
	oldest   = time.Minute
)

// ServeHTTP answers GET /topz, as a table or with ?format=json.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rows, err := s.rows(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.URL.Query().Get("format") == "json" {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(rows) // whoever asked is gone
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	table(w, rows)
}

func table(w io.Writer, rows []Row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PID\tCPU%\tMEM%\tCOMMAND")
	for _, r := range rows {
		fmt.Fprintf(t, "%d\t%.1f\t%.1f\t%s\n", r.PID, r.CPU, r.Memory, r.Command)
	}
	t.Flush()
}

// rows compares two samples: the last one asked for, or one taken now.
func (s *Server) rows(ctx context.Context) ([]Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	proc := cmp.Or(s.Proc, "/proc")
	total, err := totalMemory(proc)
	if err != nil {
		return nil, err
	}
	if age := time.Since(s.last.at); age < youngest || age > oldest {
		before, err := processes(proc)
		if err != nil {
			return nil, err
		}
		s.last = taken(before)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(youngest):
		}
	}
	now, err := processes(proc)
	if err != nil {
		return nil, err
	}
	before := s.last
	s.last = taken(now)
	return compare(before, s.last, now, total), nil
}

func taken(ps []process) sample {
	s := sample{time.Now(), map[int]uint64{}}
	for _, p := range ps {
		s.ticks[p.pid] = p.ticks
	}
	return s
}

// compare makes rows, the busiest first.
func compare(before, after sample, ps []process, total int64) []Row {
	span := after.at.Sub(before.at).Seconds()
	rows := make([]Row, 0, len(ps))
	for _, p := range ps {
		r := Row{PID: p.pid, RSS: p.rss, Command: p.command, Memory: 100 * float64(p.rss) / float64(total)}
		if old, ok := before.ticks[p.pid]; (ok || len(before.ticks) > 0) && p.ticks >= old && span > 0 {
			r.CPU = 100 * float64(p.ticks-old) / hertz / span
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(-cmp.Compare(a.CPU, b.CPU), -cmp.Compare(a.RSS, b.RSS), cmp.Compare(a.PID, b.PID))
	})
	return rows
}

// Run serves /topz on all addresses of the pod until ctx ends.
func Run(ctx context.Context, port int) error {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return fmt.Errorf("serve topz: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /topz", new(Server))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() }) // a table that is half sent may break
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve topz: %w", err)
	}
	return nil
}
