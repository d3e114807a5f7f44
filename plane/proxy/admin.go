package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"nagi.dev/plane/config"
	"nagi.dev/plane/meter"
)

// serveAdmin opens the local endpoint. Nothing there changes anything.
func (p *Proxy) serveAdmin() (stop func(), err error) {
	n, err := net.Listen("tcp", p.o.Admin)
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: p.admin(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() {
		if err := s.Serve(n); !errors.Is(err, http.ErrServerClosed) {
			p.o.Log.Error("serve local endpoint", "cause", err)
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	}, nil
}

func (p *Proxy) admin() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		p.onLoop(w, func() (int, any) { return http.StatusOK, "ok\n" })
	})
	m.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { p.onLoop(w, p.ready) })
	m.HandleFunc("GET /config", func(w http.ResponseWriter, _ *http.Request) { p.onLoop(w, p.shown) })
	m.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		p.onLoop(w, func() (int, any) {
			var b bytes.Buffer
			g := p.gather()
			_ = g.WriteText(&b) // to memory
			return http.StatusOK, b.String()
		})
	})
	m.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		p.onLoop(w, func() (int, any) { g := p.gather(); return http.StatusOK, g.Stats() })
	})
	m.HandleFunc("GET /differences", func(w http.ResponseWriter, _ *http.Request) {
		p.onLoop(w, func() (int, any) { return http.StatusOK, p.limbs("differences") })
	})
	return m
}

// onLoop answers with what f returns: a string as text, all else as JSON.
func (p *Proxy) onLoop(w http.ResponseWriter, f func() (code int, body any)) {
	code, b := http.StatusServiceUnavailable, []byte("the plane stops\n")
	kind := "text/plain; charset=utf-8"
	p.loop.Do(func() {
		var body any
		code, body = f()
		if s, ok := body.(string); ok {
			b = []byte(s)
			return
		}
		kind = "application/json"
		var err error
		if b, err = json.MarshalIndent(body, "", "  "); err != nil {
			code, b = http.StatusInternalServerError, []byte(err.Error())
		}
	})
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	_, _ = w.Write(b)
}

func (p *Proxy) ready() (int, any) {
	switch {
	case p.draining:
		return http.StatusServiceUnavailable, "draining\n"
	case p.running == nil && p.refused != nil:
		return http.StatusServiceUnavailable, fmt.Sprintf("the document was refused: %v\n", p.refused)
	case p.running == nil:
		return http.StatusServiceUnavailable, "no document yet\n"
	}
	return http.StatusOK, "ok\n"
}

// shown is what /config answers.
func (p *Proxy) shown() (int, any) {
	refused := ""
	if p.refused != nil {
		refused = p.refused.Error()
	}
	return http.StatusOK, map[string]any{"running": withoutSecrets(p.running), "since": p.since, "refused": refused}
}

// withoutSecrets is a copy in which passwords are stars.
func withoutSecrets(c *config.Config) *config.Config {
	if c == nil {
		return nil
	}
	d := *c
	d.Listeners, d.Pools = slices.Clone(c.Listeners), slices.Clone(c.Pools)
	hide := func(s *string) {
		if *s != "" {
			*s = "***"
		}
	}
	for i := range d.Listeners {
		hide(&d.Listeners[i].Password)
	}
	for i := range d.Pools {
		hide(&d.Pools[i].Password)
	}
	return &d
}

func (p *Proxy) gather() *meter.Gather {
	g := new(meter.Gather)
	for _, name := range p.names() {
		p.listeners[name].collect(g)
	}
	return g
}

func (p *Proxy) names() []string {
	var names []string
	if p.running != nil {
		for _, l := range p.running.Listeners {
			names = append(names, l.Name)
		}
	}
	return names
}

// limbs is what services show under a name, by listener.
func (p *Proxy) limbs(name string) map[string]any {
	all := map[string]any{}
	for listener, l := range p.listeners {
		if s, ok := l.service.(limb); ok {
			if v := s.Show(name); v != nil {
				all[listener] = v
			}
		}
	}
	return all
}
