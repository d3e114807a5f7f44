// Command result shows the votes: a page at / and the numbers as JSON at /api.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"log"
	"net/http"
	"time"

	"nagi.dev/examples/voting/serve"
	"nagi.dev/examples/voting/store"
)

//go:embed page.html
var html string

var page = template.Must(template.New("page").Parse(html))

// A tally is the answer of /api and what the page shows.
type tally struct {
	Cats  int `json:"cats"`
	Dogs  int `json:"dogs"`
	Total int `json:"total"`
}

type result struct{ store *store.Store }

func main() {
	s, err := store.Open(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	r := result{s}
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", r.show)
	pages.HandleFunc("GET /api", r.api)
	if err := serve.Run(pages); err != nil {
		log.Fatal(err)
	}
}

func (s result) tally(ctx context.Context) (tally, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	n, err := s.store.Count(ctx)
	return tally{Cats: n["cats"], Dogs: n["dogs"], Total: n["cats"] + n["dogs"]}, err
}

func (s result) show(w http.ResponseWriter, r *http.Request) {
	t, err := s.tally(r.Context())
	if err != nil {
		unavailable(w, err)
		return
	}
	if err := page.Execute(w, t); err != nil {
		log.Printf("show page: %v", err)
	}
}

func (s result) api(w http.ResponseWriter, r *http.Request) {
	t, err := s.tally(r.Context())
	if err != nil {
		unavailable(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(t); err != nil {
		log.Printf("answer /api: %v", err)
	}
}

func unavailable(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "the result is not available for now", http.StatusServiceUnavailable)
}
