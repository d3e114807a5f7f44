package kubetest

import (
	"os"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// shared is the one server of this test process.
var shared struct {
	sync.Mutex
	users  int // tests that use it, and Main
	server *server
}

// Main runs the tests of a package with one API server for all of them,
// started by the first that asks. Use it as TestMain:
//
//	func TestMain(m *testing.M) { kubetest.Main(m) }
//
// Without it the server lives as long as a test that uses it.
func Main(m *testing.M) {
	use()
	code := m.Run()
	release()
	os.Exit(code)
}

// Start returns how to reach an API server as its administrator. Tests share
// it: each takes its own namespace.
func Start(t testing.TB) *rest.Config {
	t.Helper()
	use()
	t.Cleanup(release)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := launch()
		if err != nil {
			t.Fatal(err)
		}
		shared.server = s
	}
	return rest.CopyConfig(shared.server.config)
}

func use() {
	shared.Lock()
	defer shared.Unlock()
	shared.users++
}

// release stops the server when nobody uses it any more.
func release() {
	shared.Lock()
	defer shared.Unlock()
	shared.users--
	if shared.users == 0 && shared.server != nil {
		shared.server.stop()
		shared.server = nil
	}
}
