package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxSize bounds a document in bytes.
const MaxSize = 8 << 20

// Parse reads one document and checks it. An unknown field, a second value
// and every fault of Validate are errors.
func Parse(b []byte) (*Config, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("read configuration: %d bytes are more than %d", len(b), MaxSize)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	c := new(Config)
	if err := dec.Decode(c); err != nil {
		return nil, fmt.Errorf("read configuration: %s%w", place(b, err), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read configuration: something follows the document")
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// place names the line that err is about, where it knows it.
func place(b []byte, err error) string {
	var offset int64
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset
	} else {
		return ""
	}
	offset = min(offset, int64(len(b)))
	return fmt.Sprintf("line %d: ", 1+bytes.Count(b[:offset], []byte("\n")))
}
