package oci

import (
	"math"
	"testing"
)

func TestLimitsThatTheMachineCannotGive(t *testing.T) {
	hard := func(name string) (uint64, bool) { return 20000, name == "nofile" }
	for _, tt := range []struct {
		name string
		host host
		ask  Limit
		want string
	}{
		{"what the machine has is given", host{hard: hard}, Limit{"nofile", 1024, 20000}, ""},
		{
			"more is refused in words",
			host{hard: hard},
			Limit{"nofile", 1024, 262144},
			"ulimits: nofile may be 20000 at most on this machine, and 262144 is asked for; ask for less, or raise the machine's own limit",
		},
		{
			"so is no limit at all",
			host{hard: hard},
			Limit{"nofile", 1024, math.MaxUint64},
			"ulimits: nofile may be 20000 at most on this machine, and no limit is asked for; ask for less, or raise the machine's own limit",
		},
		{"a root that may raise limits gets more", host{raises: true, hard: hard}, Limit{"nofile", 1024, 262144}, ""},
		{"of what is not known runc finds out", host{hard: hard}, Limit{"locks", 1, 2}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.host.allows([]Limit{tt.ask}); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("allows = %q, want %q", got, tt.want)
			}
		})
	}
}
