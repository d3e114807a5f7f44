// Package inpod does to pods what a survey of a graft says: events of those
// that missed it, present images, replacements. It decides nothing; the graft
// does. Open inpod.go.
package inpod
