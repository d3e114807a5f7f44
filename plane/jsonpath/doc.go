// Package jsonpath reads the paths that documents name parts of JSON answers
// by: $, then .name, ["name"], [3] and [*]. It is a small part of RFC 9535 and
// refuses the rest. Open jsonpath.go first.
package jsonpath
