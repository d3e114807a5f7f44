package sync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"path"
	"time"
)

// A url is a source of one file.
type url struct {
	address string
	tag     string // ETag of the last answer
	date    string // Last-Modified of it
}

var client = &http.Client{Timeout: 20 * time.Second}

// get asks for the file, if it changed.
func (u *url) get(ctx context.Context) (Files, bool, error) {
	name, err := fileName(u.address)
	if err != nil {
		return nil, false, err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, u.address, nil)
	if err != nil {
		return nil, false, fmt.Errorf("ask for %s: %w", u.address, err)
	}
	if u.tag != "" {
		q.Header.Set("If-None-Match", u.tag)
	}
	if u.date != "" {
		q.Header.Set("If-Modified-Since", u.date)
	}
	a, err := client.Do(q)
	if err != nil {
		return nil, false, fmt.Errorf("ask for the file: %w", err)
	}
	defer a.Body.Close()
	switch a.StatusCode {
	case http.StatusNotModified:
		return nil, false, nil
	case http.StatusOK:
	default:
		return nil, false, fmt.Errorf("ask for %s: the answer is %s", u.address, a.Status)
	}
	b, err := io.ReadAll(io.LimitReader(a.Body, bound+1))
	if err == nil && len(b) > bound {
		err = fmt.Errorf("it is more than %d bytes", bound)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", u.address, err)
	}
	u.tag, u.date = a.Header.Get("ETag"), a.Header.Get("Last-Modified")
	return Files{name: b}, true, nil
}

// fileName is the last part of the path of address.
func fileName(address string) (string, error) {
	u, err := neturl.Parse(address)
	if err != nil {
		return "", fmt.Errorf("read URL: %w", err)
	}
	switch name := path.Base(u.Path); name {
	case ".", "/", "..":
		return "", errors.New("read URL: its path names no file")
	default:
		return name, nil
	}
}
