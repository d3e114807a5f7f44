package place

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// A Step is one file or folder.
type Step struct {
	From string `json:"from"` // the file to copy; "": To is there already
	To   string `json:"to"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	Mode string `json:"mode"` // octal: "0440", "1777"
}

// maxFile bounds what is copied, in bytes: no ConfigMap or Secret holds more.
const maxFile = 2 << 20

// Parse reads a step from JSON. A field that it does not know is an error: an
// older program must not leave out what a newer one asks.
func Parse(text string) (Step, error) {
	var s Step
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf("read step: %w", err)
	}
	if _, err := s.mode(); err != nil {
		return s, fmt.Errorf("read step: %w", err)
	}
	switch {
	case !filepath.IsAbs(s.To) || s.From != "" && !filepath.IsAbs(s.From):
		return s, errors.New("read step: its paths must be full")
	case s.UID < 0 || s.GID < 0:
		return s, errors.New("read step: an owner is a number, 0 or more")
	}
	return s, nil
}

// mode is Mode as Go has it: the bits above the permissions stand elsewhere.
func (s Step) mode() (os.FileMode, error) {
	n, err := strconv.ParseUint(s.Mode, 8, 12)
	if err != nil {
		return 0, fmt.Errorf("%q is no mode, such as 0440", s.Mode)
	}
	mode := os.FileMode(n & 0o777)
	for bit, flag := range map[uint64]os.FileMode{0o1000: os.ModeSticky, 0o2000: os.ModeSetgid, 0o4000: os.ModeSetuid} {
		if n&bit != 0 {
			mode |= flag
		}
	}
	return mode, nil
}

// Run does the steps in order and returns at the first that fails. To do them
// twice changes nothing.
func Run(steps []Step) error {
	for _, s := range steps {
		if err := s.run(); err != nil {
			return fmt.Errorf("place %s: %w", s.To, err)
		}
	}
	return nil
}

func (s Step) run() error {
	mode, err := s.mode()
	if err != nil {
		return err
	}
	if s.From != "" {
		if err := s.copyFile(); err != nil {
			return err
		}
	}
	if err := os.Lchown(s.To, s.UID, s.GID); err != nil { // before the mode: it clears some bits
		return err
	}
	return os.Chmod(s.To, mode)
}

// copyFile writes the copy beside its place first: a pod that is started
// again finds a whole file there or none.
func (s Step) copyFile() error {
	info, err := os.Stat(s.From)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return fmt.Errorf("%s is not a file of at most %d MiB", s.From, maxFile>>20)
	}
	data, err := os.ReadFile(s.From)
	if err != nil {
		return err
	}
	half := s.To + ".half"
	if err := os.WriteFile(half, data, 0o600); err != nil {
		return err
	}
	return os.Rename(half, s.To)
}
