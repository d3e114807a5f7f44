// Command web takes votes: a page with two buttons. A vote is acknowledged once Redis
// has it on disk.
package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"slices"
	"time"

	"nagi.dev/examples/voting/redis"
	"nagi.dev/examples/voting/serve"
)

//go:embed page.html
var html string

var (
	page    = template.Must(template.New("page").Parse(html))
	choices = []string{"cats", "dogs"}
)

type web struct {
	redis *redis.Client
	host  string
}

func main() {
	host, _ := os.Hostname() // shown on the page; empty is fine
	w := web{redis: &redis.Client{Addr: os.Getenv("REDIS_ADDR")}, host: host}
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", w.show)
	pages.HandleFunc("POST /{$}", w.vote)
	if err := serve.Run(pages); err != nil {
		log.Fatal(err)
	}
}

func (s web) show(w http.ResponseWriter, r *http.Request) {
	voted := ""
	if c, err := r.Cookie("vote"); err == nil {
		voted = c.Value
	}
	err := page.Execute(w, map[string]any{"Choices": choices, "Voted": voted, "Host": s.host})
	if err != nil {
		log.Printf("show page: %v", err)
	}
}

func (s web) vote(w http.ResponseWriter, r *http.Request) {
	vote := r.PostFormValue("vote")
	if !slices.Contains(choices, vote) {
		http.Error(w, fmt.Sprintf("vote for one of %q", choices), http.StatusBadRequest)
		return
	}
	voter := rand.Text()
	if c, err := r.Cookie("voter"); err == nil && c.Value != "" && len(c.Value) <= 64 {
		voter = c.Value
	}
	if err := s.push(r.Context(), voter, vote); err != nil {
		log.Print(err)
		http.Error(w, "the vote was not stored; please try again", http.StatusServiceUnavailable)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "voter", Value: voter, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.SetCookie(w, &http.Cookie{Name: "vote", Value: vote, Path: "/", SameSite: http.SameSiteLaxMode})
	w.Header().Set("Location", "/")
	w.WriteHeader(http.StatusSeeOther)
	fmt.Fprintf(w, "voted for %s\n", vote)
}

// push queues a vote. A connection to a Redis that was replaced is noticed by
// its silence, so it tries again; twice is fine, since a voter counts once.
func (s web) push(ctx context.Context, voter, vote string) error {
	data, err := json.Marshal(map[string]string{"voter": voter, "vote": vote})
	if err != nil {
		return err
	}
	for range 3 {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err = s.redis.Do(try, "RPUSH", "votes", string(data))
		cancel()
		if err == nil {
			return nil
		}
	}
	return err
}
