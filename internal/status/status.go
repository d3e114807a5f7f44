// Package status is the small file by which a running server tells the
// commands beside it how it is. The server writes, everyone else reads. Start
// with Status.
package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A Status is what a server says of itself. Its JSON is stable.
type Status struct {
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	Ready     bool      `json:"ready"`               // every part serves
	ReadyAt   time.Time `json:"readyAt,omitzero"`    // when Ready became true
	Error     string    `json:"error,omitempty"`     // why the start was given up
	API       string    `json:"api,omitempty"`       // "https://127.0.0.1:6443"
	Console   string    `json:"console,omitempty"`   // "" while there is none
	Addresses []string  `json:"addresses,omitempty"` // where published ports answer
	Parts     []Part    `json:"parts"`               // in start order
}

// A Part is one child process or one long-lived piece of the server.
type Part struct {
	Name     string    `json:"name"`  // "control"
	State    string    `json:"state"` // waiting, starting, ready, restarting, stopped
	PID      int       `json:"pid,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Restarts int       `json:"restarts,omitempty"` // since the server started
	Error    string    `json:"error,omitempty"`    // of the last end
}

// The states of a Part.
const (
	Waiting    = "waiting"
	Starting   = "starting"
	Ready      = "ready"
	Restarting = "restarting"
	Stopped    = "stopped"
)

// ErrNotRunning means that no live server stands behind the file.
var ErrNotRunning = errors.New("no server is running")

// Read returns the status in file. It returns ErrNotRunning when the file is
// missing or its process has gone.
func Read(file string) (Status, error) {
	var s Status
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return s, ErrNotRunning
	}
	if err != nil {
		return s, fmt.Errorf("read status: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read status %s: %w", file, err)
	}
	if s.Error == "" && !alive(s.PID) {
		return s, ErrNotRunning
	}
	return s, nil
}

// Write replaces file by s in one step.
func Write(file string, s Status) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode status: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	tmp := file + ".new"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	if err := os.Rename(tmp, file); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}
