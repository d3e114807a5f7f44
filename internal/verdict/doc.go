// Package verdict is how a kind says how it is: one reason and message, as the
// conditions Ready, Progressing and Stalled. It decides nothing. Open
// verdict.go.
package verdict
