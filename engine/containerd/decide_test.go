package containerd

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestExcess(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	made := func(digest string, minute int) record {
		return record{name: "r/web@" + digest, digest: digest, created: at(minute), built: true}
	}
	for _, tt := range []struct {
		name string
		all  []record
		used map[string]bool
		want []string
	}{
		{name: "the newest stay", all: []record{made("1", 1), made("3", 3), made("2", 2)}, want: []string{"r/web@1"}},
		{name: "one that a container runs from stays", all: []record{made("1", 1), made("2", 2), made("3", 3)}, used: map[string]bool{"1": true}},
		{name: "one that has a name of its own stays", all: []record{made("1", 1), made("2", 2), made("3", 3), {name: "r/web:old", digest: "1"}}},
		{name: "its id goes with it", all: []record{made("1", 1), {name: "sha256:abc", digest: "1"}, made("2", 2), made("3", 3)}, want: []string{"r/web@1", "sha256:abc"}},
		{
			name: "what was pulled, or has another name, is nobody's business",
			all:  []record{{name: "r/web@1", digest: "1"}, {name: "r/webx@2", digest: "2", built: true}, made("3", 3), made("4", 4)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, excess(tt.all, "r/web", tt.used, 2)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
