package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultTimeout bounds a check that names no other bound.
const DefaultTimeout = 3 * time.Second

// Options say what to check. Only Target is required.
type Options struct {
	Target   string        // an http, https or tcp URL, or "exec"
	Command  []string      // the program and its arguments; only with exec
	Timeout  time.Duration // 0: DefaultTimeout
	Status   string        // healthy status codes, "200" or "200-299"; "": 200-399
	Method   string        // "": GET
	Header   http.Header   // sent with the request
	Insecure bool          // accept any certificate
	Stdout   io.Writer     // of the program; nil: discarded
	Stderr   io.Writer     // of the program; nil: discarded
}

// AddHeader adds a header written as "Key: value".
func (o *Options) AddHeader(s string) error {
	k, v, ok := strings.Cut(s, ":")
	if !ok || strings.TrimSpace(k) == "" {
		return fmt.Errorf("header %q is not KEY:VALUE", s)
	}
	if o.Header == nil {
		o.Header = http.Header{}
	}
	o.Header.Add(strings.TrimSpace(k), strings.TrimSpace(v))
	return nil
}

// Validate reports every fault of o that is known before the check.
func (o Options) Validate() error {
	_, errs := o.kind()
	if _, err := parseStatus(o.Status); err != nil {
		errs = errors.Join(errs, err)
	}
	if o.Timeout < 0 {
		errs = errors.Join(errs, fmt.Errorf("timeout %s is below zero", o.Timeout))
	}
	return errs
}

// Run returns nil when the target is healthy and otherwise why it is not.
func Run(ctx context.Context, o Options) error {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	kind, err := o.kind()
	if err != nil {
		return fmt.Errorf("probe %s: %w", o.Target, err)
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	if err := kind(ctx, o); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %s", o.Timeout)
		}
		return fmt.Errorf("probe %s: %w", o.name(), err)
	}
	return nil
}

func (o Options) name() string {
	if o.Target == "exec" {
		return strings.Join(o.Command, " ")
	}
	return o.Target
}

// kind returns the check that fits the target.
func (o Options) kind() (func(context.Context, Options) error, error) {
	if o.Target == "exec" {
		if len(o.Command) == 0 {
			return nil, errors.New(`exec has no program; write "probe exec -- PROGRAM"`)
		}
		return checkExec, nil
	}
	if o.Command != nil {
		return nil, errors.New(`only exec takes a program after "--"`)
	}
	u, err := url.Parse(o.Target)
	if err != nil {
		return nil, err
	}
	switch {
	case u.Host == "":
		return nil, fmt.Errorf(`%q has no host; write "http://HOST:PORT/PATH", "tcp://HOST:PORT" or "exec -- PROGRAM"`, o.Target)
	case u.Scheme == "http", u.Scheme == "https":
		return checkHTTP, nil
	case u.Scheme == "tcp" && u.Port() != "":
		return checkTCP, nil
	case u.Scheme == "tcp":
		return nil, fmt.Errorf("%q has no port", o.Target)
	}
	return nil, fmt.Errorf("%q is neither http, https, tcp nor exec", u.Scheme)
}

func checkTCP(ctx context.Context, o Options) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", strings.TrimSuffix(strings.TrimPrefix(o.Target, "tcp://"), "/"))
	if err != nil {
		return err
	}
	return c.Close()
}
