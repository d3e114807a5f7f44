package topz

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStat(t *testing.T) {
	fields := " S 1 1 1 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 1 0 100 1000000 3 18446744073709551615"
	for _, tt := range []struct{ name, stat, command string }{
		{"a plain name", "12 (sh)" + fields, "[sh]"},
		{"a name with spaces and parentheses", "12 (a) b (c)" + fields, "[a) b (c]"},
		{"a name with a line break is one line", "12 (a\nb)" + fields, "[a b]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := parseStat([]byte(tt.stat))
			want := process{ticks: 12, rss: 3 * int64(os.Getpagesize()), command: tt.command}
			if d := cmp.Diff(want, p, cmp.AllowUnexported(process{})); err != nil || d != "" {
				t.Errorf("%v %s", err, d)
			}
		})
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("12 (sh) S 1 1 1 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 1 0 100 1000000 3 18"))
	f.Add([]byte(")("))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := parseStat(b); err == nil && strings.ContainsAny(p.command, "\n\r\x00") {
			t.Errorf("%q is not one line", p.command)
		}
	})
}

func TestCompare(t *testing.T) {
	now := time.Now()
	before := sample{now, map[int]uint64{1: 100, 2: 50}}
	after := sample{at: now.Add(2 * time.Second)}
	rows := compare(before, after, []process{{pid: 2, ticks: 50, rss: 100}, {pid: 1, ticks: 200, rss: 50}, {pid: 3, ticks: 20}}, 1000)
	want := []Row{{PID: 1, CPU: 50, Memory: 5, RSS: 50}, {PID: 3, CPU: 10}, {PID: 2, Memory: 10, RSS: 100}}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
}

func TestTheTableShowsThisProcess(t *testing.T) {
	s := new(Server)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/topz", nil))
	if text := w.Body.String(); !strings.HasPrefix(text, "PID") || !regexp.MustCompile(`(?m)^\d+ +\d+\.\d +\d+\.\d +.*topz`).MatchString(text) {
		t.Errorf("table:\n%s", text)
	}
	w = httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/topz?format=json", nil))
	var rows []Row
	if err := json.Unmarshal(w.Body.Bytes(), &rows); err != nil || len(rows) == 0 || rows[0].RSS == 0 && rows[0].Command == "" {
		t.Errorf("%v: %s", err, w.Body)
	}
}
