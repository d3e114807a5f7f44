package cache

import (
	"container/list"
	"net/http"
	"sync"
)

const (
	overhead    = 512 // bytes of an entry besides its texts, roughly
	maxVariants = 64  // of one key
)

// A Store holds entries by key, and by what their answers vary on. It may be
// used from any goroutine.
type Store struct {
	max int64

	mu      sync.Mutex // guards what follows
	size    int64
	keys    map[string]*list.Element
	recent  *list.List // of *slot, the last used first
	flights map[string]*Flight
}

type slot struct {
	key      string
	variants []*Entry
	size     int64
}

// NewStore makes a store of at most size bytes.
func NewStore(size int64) *Store {
	return &Store{max: size, keys: map[string]*list.Element{}, recent: list.New(), flights: map[string]*Flight{}}
}

func sizeOf(key string, e *Entry) int64 {
	n := overhead + len(key) + len(e.Body)
	for _, h := range []http.Header{e.Header, e.Vary} {
		for name, values := range h {
			n += len(name) + 48
			for _, v := range values {
				n += len(v) + 16
			}
		}
	}
	return int64(n)
}

// Get returns the entry for a request; nil: there is none.
func (s *Store) Get(key string, req http.Header) *Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	el := s.keys[key]
	if el == nil {
		return nil
	}
	s.recent.MoveToFront(el)
	for _, e := range el.Value.(*slot).variants {
		if e.Answers(req) {
			return e
		}
	}
	return nil
}

// Put keeps e, in the place of what answers the same requests.
func (s *Store) Put(key string, req http.Header, e *Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := sizeOf(key, e)
	if size > s.max {
		return
	}
	el := s.keys[key]
	if el == nil {
		el = s.recent.PushFront(&slot{key: key})
		s.keys[key] = el
	}
	s.recent.MoveToFront(el)
	sl := el.Value.(*slot)
	keep := []*Entry{e} // the newest first
	for _, o := range sl.variants {
		if !o.Answers(req) && len(keep) < maxVariants {
			keep = append(keep, o)
		}
	}
	s.size -= sl.size
	sl.variants, sl.size = keep, 0
	for _, v := range keep {
		sl.size += sizeOf(key, v)
	}
	s.size += sl.size
	for s.size > s.max && s.recent.Len() > 0 {
		s.drop(s.recent.Back())
	}
}

func (s *Store) drop(el *list.Element) {
	sl := s.recent.Remove(el).(*slot)
	delete(s.keys, sl.key)
	s.size -= sl.size
}

// Forget removes all variants of a key.
func (s *Store) Forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if el := s.keys[key]; el != nil {
		s.drop(el)
	}
}

// Size is how many bytes and keys are held.
func (s *Store) Size() (bytes int64, keys int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size, len(s.keys)
}

// A Flight is a request to the origin that others with the same key wait for.
type Flight struct {
	s    *Store
	key  string
	over chan struct{}
	once sync.Once
}

// Join returns a new flight, which its caller must End, or one that is under
// way, to wait for.
func (s *Store) Join(key string) (f *Flight, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flights[key]; f != nil {
		return f, false
	}
	f = &Flight{s: s, key: key, over: make(chan struct{})}
	s.flights[key] = f
	return f, true
}

// Over is closed once there is an entry, or it is clear that there will be none.
func (f *Flight) Over() <-chan struct{} { return f.over }

// End lets all who wait go on. Twice is fine.
func (f *Flight) End() {
	f.once.Do(func() {
		f.s.mu.Lock()
		delete(f.s.flights, f.key)
		f.s.mu.Unlock()
		close(f.over)
	})
}
