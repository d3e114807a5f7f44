package calm

import (
	"os"
	"strings"
	"testing"
)

func TestOnlyTheProgramsOwnCleanPagesAreForgotten(t *testing.T) {
	const exe = "/bin/nagi"
	for _, tt := range []struct {
		name, line string
		ok         bool
	}{
		{"code", "00400000-00452000 r-xp 00000000 08:02 173521 /bin/nagi", true},
		{"constants", "00651000-00652000 r--p 00051000 08:02 173521 /bin/nagi", true},
		{"variables stay", "00652000-00655000 rw-p 00052000 08:02 173521 /bin/nagi", false},
		{"another file stays", "7f00-8f00 r-xp 00000000 08:02 173522 /lib/libc.so", false},
		{"the heap stays", "c000000000-c000400000 rw-p 00000000 00:00 0", false},
		{"an empty line is nothing", "", false},
		{"a range turned round is nothing", "00452000-00400000 r-xp 00000000 08:02 173521 /bin/nagi", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, ok := programPages(tt.line, exe); ok != tt.ok {
				t.Errorf("programPages = %v, want %v", ok, tt.ok)
			}
		})
	}
}

func TestTheProgramGoesOnAfterItWasForgotten(t *testing.T) {
	before := resident(t)
	if err := forgetProgram(); err != nil {
		t.Fatal(err)
	}
	if after := resident(t); after >= before {
		t.Errorf("%d pages of files are resident, before %d", after, before)
	}
}

// resident is how many pages of files this process has mapped in: the third
// number of /proc/self/statm.
func resident(t *testing.T) (pages int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	for _, digit := range strings.Fields(string(b))[2] {
		pages = pages*10 + int(digit-'0')
	}
	return pages
}
