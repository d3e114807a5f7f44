// Package stream gives each plane the document that it runs: now, and again
// when it changes. It knows no kind; whoever does publishes. It never lets a
// pod read the documents of another namespace. Open hub.go first, then
// serve.go.
package stream
