package wait

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	deployment = `{"spec":{"selector":{"matchLabels":{"b":"2","a":"1"}}}}`
	job        = `{"spec":{"selector":{"matchLabels":{"job":"x"}}}}`
	jobDone    = `{"status":{"conditions":[{"type":"Complete","status":"True"}]}}`
	jobFailed  = `{"status":{"conditions":[{"type":"Failed","status":"True","reason":"BackoffLimitExceeded","message":"it was tried 4 times"}]}}`

	podWaits   = `{"spec":{"containers":[{}]},"status":{"containerStatuses":[{"state":{"waiting":{"reason":"ErrImagePull"}}}]}}`
	podRuns    = `{"spec":{"containers":[{}]},"status":{"containerStatuses":[{"state":{"running":{}}}]}}`
	podHalf    = `{"spec":{"containers":[{},{}]},"status":{"containerStatuses":[{"state":{"running":{}}},{"state":{"waiting":{"reason":"ContainerCreating"}}}]}}`
	podOfTwo   = `{"spec":{"containers":[{}]},"status":{"initContainerStatuses":[{"name":"vpn","ready":true,"state":{"running":{}}}],"containerStatuses":[{"name":"app","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}`
	podIsReady = `{"spec":{"containers":[{}]},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`
)

// lines collects progress and calls then with each line, once it is printed.
type lines struct {
	all  []string
	then func(n int)
}

func (l *lines) Write(p []byte) (int, error) {
	l.all = append(l.all, strings.TrimSpace(string(p)))
	if l.then != nil {
		l.then(len(l.all))
	}
	return len(p), nil
}

func options(t *testing.T, f *fakeAPI, out io.Writer, targets ...string) Options {
	o := Options{Out: out, API: API{URL: f.URL, Account: f.account}, Pause: time.Millisecond, Timeout: time.Minute}
	for _, s := range targets {
		target, err := ParseTarget(s)
		if err != nil {
			t.Fatal(err)
		}
		o.Targets = append(o.Targets, target)
	}
	return o
}

// Each step of the story is told once the line before it was printed: nothing
// sleeps.
func TestRunFollowsAWorkloadFromNothingToHealthy(t *testing.T) {
	f := startAPI(t, "127.0.0.1:0")
	out := &lines{then: func(n int) {
		switch n {
		case 1:
			f.set("deployments", deployment)
		case 2:
			f.set("pods", podWaits)
		case 3:
			f.set("pods", podHalf)
		case 4:
			f.set("pods", podIsReady)
		}
	}}
	if err := Run(t.Context(), options(t, f, out, "deployment/db=healthy")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"waiting for deployment/db to be healthy: it does not exist yet",
		"waiting for deployment/db to be healthy: no pods yet",
		"waiting for deployment/db to be healthy: 0 of 1 pods ready (ErrImagePull)",
		"waiting for deployment/db to be healthy: 0 of 1 pods ready",
		"waiting for deployment/db to be healthy: 1 of 1 pods ready",
		"deployment/db is healthy",
	}
	if !slices.Equal(out.all, want) {
		t.Errorf("printed\n%s\nwant\n%s", strings.Join(out.all, "\n"), strings.Join(want, "\n"))
	}
	for _, path := range []string{
		"/apis/apps/v1/namespaces/vote/deployments?metadata.name=db",
		"/api/v1/namespaces/vote/pods?a=1,b=2",
	} {
		if !slices.Contains(f.asked, path) {
			t.Errorf("never asked %s; asked %q", path, f.asked)
		}
	}
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		name    string
		targets []string
		before  func(f *fakeAPI)
		fault   string // part of the error; "": none
	}{
		{
			name:    "several targets are all awaited",
			targets: []string{"deployment/a=started", "daemonset/b=healthy", "job/c=completed"},
			before: func(f *fakeAPI) {
				f.set("deployments", deployment)
				f.set("daemonsets", deployment)
				f.set("jobs", jobDone)
				f.set("pods", podRuns, podIsReady)
			},
		},
		{
			name:    "of one container the others do not count",
			targets: []string{"deployment/a/vpn=healthy", "deployment/a/vpn=started"},
			before: func(f *fakeAPI) {
				f.set("deployments", deployment)
				f.set("pods", podOfTwo)
			},
		},
		{
			name:    "a job that failed for good ends the wait for all with its reason",
			targets: []string{"deployment/a=started", "job/c=completed"},
			before:  func(f *fakeAPI) { f.set("jobs", jobFailed) },
			fault:   "wait for job/c to be completed: it failed: BackoffLimitExceeded: it was tried 4 times",
		},
		{
			name:    "an API server that is away comes back",
			targets: []string{"job/c=completed"},
			before: func(f *fakeAPI) {
				f.set("jobs", jobDone)
				f.down = 3
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := startAPI(t, "127.0.0.1:0")
			tt.before(f)
			err := Run(t.Context(), options(t, f, nil, tt.targets...))
			if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || err.Error() != tt.fault) {
				t.Errorf("Run = %v, want %q", err, tt.fault)
			}
		})
	}
}

func TestRunSurvivesARestartOfTheServerAndANewToken(t *testing.T) {
	f := startAPI(t, "127.0.0.1:0")
	f.set("jobs", job)
	out := &lines{}
	out.then = func(n int) {
		switch n {
		case 1:
			go func() { // ends the watch as a server does that goes away
				f.setToken("second")
				f.mu.Lock()
				f.down = 2
				f.mu.Unlock()
				f.CloseClientConnections()
			}()
		case 2:
			f.set("jobs", jobDone)
		}
	}
	if err := Run(t.Context(), options(t, f, out, "job/x=completed")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.all[1], "trying again: ") {
		t.Errorf("no word about the server that is away: %q", out.all)
	}
}

func TestRunSaysWhereItStoodWhenTheTimeIsUp(t *testing.T) {
	f := startAPI(t, "127.0.0.1:0")
	f.set("deployments", deployment)
	f.set("pods", podRuns)
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("gave up")
	out := &lines{then: func(int) { cancel(late) }}
	err := Run(ctx, options(t, f, out, "deployment/db=healthy"))
	if !errors.Is(err, late) || !strings.HasPrefix(err.Error(), "waiting for deployment/db to be healthy: 0 of 1 pods ready: ") {
		t.Errorf("Run = %v", err)
	}
}

func TestRunFindsTheServerOfThePod(t *testing.T) {
	f := startAPI(t, "[::1]:0")
	f.set("jobs", jobDone)
	host, port, _ := strings.Cut(strings.TrimPrefix(f.URL, "https://["), "]:")
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	o := options(t, f, nil, "job/x=completed")
	o.API.URL = ""
	if err := Run(t.Context(), o); err != nil {
		t.Error(err)
	}
}

func TestRunOutsideOfAPodSaysSo(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	err := Run(t.Context(), Options{Targets: []Target{{Kind: "job", Name: "x", Condition: Completed}}})
	if err == nil || !strings.Contains(err.Error(), "run this in a pod") {
		t.Errorf("Run = %v", err)
	}
}

func TestAWrongCertificateIsNotTrusted(t *testing.T) {
	f := startAPI(t, "127.0.0.1:0")
	f.write("ca.crt", otherCA(t))
	ctx, cancel := context.WithCancel(t.Context())
	out := &lines{then: func(int) { cancel() }}
	if err := Run(ctx, options(t, f, out, "job/x=completed")); err == nil {
		t.Error("Run trusted a server that the CA does not know")
	}
	if f.asked != nil {
		t.Errorf("the token went to an unknown server: %q", f.asked)
	}
}

// otherCA is a certificate that signed nothing.
func otherCA(t *testing.T) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
