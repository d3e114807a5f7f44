package dns

import "testing"

func TestPlainName(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a Service's own name stays", "db.shop.svc.cluster.local.", "db.shop.svc.cluster.local."},
		{"an underscore becomes a hyphen", "my_db.shop.svc.cluster.local.", "my-db.shop.svc.cluster.local."},
		{"letters are of one case to DNS", "My_DB.shop.svc.CLUSTER.local.", "my-db.shop.svc.cluster.local."},
		{"ports and protocols of SRV records stay", "_http._tcp.my_db.shop.svc.cluster.local.", "_http._tcp.my-db.shop.svc.cluster.local."},
		{"other names stay", "my_db.example.org.", "my_db.example.org."},
		{"so does a namespace, which cannot be", "db.my_shop.svc.cluster.local.", "db.my_shop.svc.cluster.local."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := plainName(tt.in, "cluster.local."); got != tt.want {
				t.Errorf("plainName(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzPlainName(f *testing.F) {
	f.Add("my_db.shop.svc.cluster.local.")
	f.Add(".svc.cluster.local.")
	f.Fuzz(func(t *testing.T, in string) {
		once := plainName(in, "cluster.local.")
		if again := plainName(once, "cluster.local."); again != once {
			t.Errorf("plainName(%q) = %q, and of that %q", in, once, again)
		}
	})
}
