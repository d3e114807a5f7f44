package compose

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestObjectName(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a DNS label stays", "web-1", "web-1"},
		{"an underscore becomes a hyphen", "my_db", "my-db"},
		{"a dot becomes a hyphen", "api.v2", "api-v2"},
		{"letters become lower case", "WebApp", "webapp"},
		{"hyphens at the ends go away", "_web_", "web"},
		{"nothing is left of marks alone", "_._", ""},
		{"a long name ends in a hash", strings.Repeat("a", 70), strings.Repeat("a", 52) + "-6bd5e50348"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ObjectName(tt.in); got != tt.want {
				t.Errorf("ObjectName(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzObjectName(f *testing.F) {
	f.Add("my_db.v2")
	f.Fuzz(func(t *testing.T, in string) {
		if got := ObjectName(in); got != "" && len(validation.IsDNS1123Label(got)) > 0 {
			t.Errorf("ObjectName(%q) = %q is no DNS label", in, got)
		}
	})
}
