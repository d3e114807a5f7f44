package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// AnnotationPrefix, with the name of a container behind it, is the annotation
// of a pod that holds the container's Settings.
const AnnotationPrefix = "runtime.nagi.dev/"

// Settings are what a container gets besides what Kubernetes gives it. The
// zero value changes nothing. Whoever may make a pod may write them: nothing
// here reaches beyond the container, and check refuses what would.
type Settings struct {
	User        string            `json:"user,omitempty"`   // NAME[:GROUP], as the image knows them
	Groups      []string          `json:"groups,omitempty"` // more groups, by name or number
	Umask       *uint32           `json:"umask,omitempty"`
	Limits      []Limit           `json:"limits,omitempty"`
	OOMScoreAdj *int              `json:"oomScoreAdj,omitempty"`
	Pids        int64             `json:"pids,omitempty"` // most processes; -1: no limit
	Sysctls     map[string]string `json:"sysctls,omitempty"`
	Devices     []Device          `json:"devices,omitempty"`
}

// A Limit bounds what one process may use.
type Limit struct {
	Name string `json:"name"` // "nofile"
	Soft uint64 `json:"soft"` // the largest uint64: none
	Hard uint64 `json:"hard"`
}

// Parse reads settings. A field that it does not know is an error: an older
// program must not leave out what a newer one asks.
func Parse(text string) (Settings, error) {
	var s Settings
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("read settings: %w", err)
	}
	return s, s.check()
}

// check refuses what a cluster does not let any pod have.
func (s Settings) check() error {
	if s.OOMScoreAdj != nil && *s.OOMScoreAdj < 0 {
		return fmt.Errorf("read settings: a score of %d would outlive the machine's own programs", *s.OOMScoreAdj)
	}
	for name := range s.Sysctls {
		if !strings.HasPrefix(name, "net.") {
			return fmt.Errorf("read settings: %s belongs to the whole machine", name)
		}
	}
	for _, d := range s.Devices {
		if err := d.check(); err != nil {
			return err
		}
	}
	return nil
}
