// Package differ compares two answers to one request: status, fields, and the
// body as JSON where both are. What must differ is ignored by name or by path.
// It sends nothing. Open differ.go first.
package differ
