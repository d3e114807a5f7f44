package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// shown is how much of an unhealthy answer a person gets to see.
const shown = 200

// span is a range of HTTP status codes, both ends included.
type span struct{ low, high int }

func (s span) String() string { return fmt.Sprintf("%d-%d", s.low, s.high) }

// parseStatus reads "200" or "200-299"; "" is what the kubelet takes for
// healthy, 200-399.
func parseStatus(text string) (span, error) {
	if text == "" {
		return span{200, 399}, nil
	}
	a, b, ranged := strings.Cut(text, "-")
	if !ranged {
		b = a
	}
	low, err1 := strconv.Atoi(a)
	high, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || low < 100 || high > 599 || low > high {
		return span{}, fmt.Errorf(`status %q is not a code or a range such as "200-299"`, text)
	}
	return span{low, high}, nil
}

func checkHTTP(ctx context.Context, o Options) error {
	want, err := parseStatus(o.Status)
	if err != nil {
		return err
	}
	req, err := o.request(ctx)
	if err != nil {
		return err
	}
	resp, err := o.client().Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok { // it repeats the target
			err = e.Err
		}
		return err
	}
	defer resp.Body.Close()
	if want.low <= resp.StatusCode && resp.StatusCode <= want.high {
		return nil
	}
	said, _ := io.ReadAll(io.LimitReader(resp.Body, shown)) // what was read so far is enough
	return fmt.Errorf("status %s, want %s: %s", resp.Status, want, strings.Join(strings.Fields(string(said)), " "))
}

func (o Options) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, cmp.Or(o.Method, http.MethodGet), o.Target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "nagi-plane")
	for k, v := range o.Header {
		req.Header[k] = v
	}
	req.Host = cmp.Or(o.Header.Get("Host"), req.Host)
	return req, nil
}

// client makes one request: no proxy, no kept connection, no redirect.
func (o Options) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: o.Insecure},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
