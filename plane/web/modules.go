package web

import (
	"fmt"
	"os"
	"sync"
	"time"

	"nagi.dev/plane/wasm"
)

// modules keeps compiled modules across documents: a document that only
// changes endpoints compiles nothing.
type modules struct {
	mu  sync.Mutex // guards all
	all map[string]*module
}

type module struct {
	*wasm.Module
	stamp string
}

// load returns the module of a file, compiled anew when the file has changed.
func (m *modules) load(file string) (*wasm.Module, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read module: %w", err)
	}
	stamp := fmt.Sprint(i.ModTime().UnixNano(), i.Size())
	if old := m.all[file]; old != nil && old.stamp == stamp {
		return old.Module, nil
	}
	w, err := wasm.New(file)
	if err != nil {
		return nil, err
	}
	if old := m.all[file]; old != nil {
		m.later(old)
	}
	if m.all == nil {
		m.all = map[string]*module{}
	}
	m.all[file] = &module{w, stamp}
	return w, nil
}

// keep frees what a site does not use.
func (m *modules) keep(s *site) {
	m.mu.Lock()
	defer m.mu.Unlock()
	used := map[string]bool{}
	for _, r := range s.routes {
		if r.scatter != nil {
			used[r.scatter.spec.Merge.WASM] = true
		}
	}
	for file, old := range m.all {
		if !used[file] {
			m.later(old)
			delete(m.all, file)
		}
	}
}

// later frees a module once no request can be in it any more.
func (*modules) later(old *module) { time.AfterFunc(time.Minute, old.Close) }
