// Package inject puts what kinds say into pods while the API server makes
// them: it answers the server's admission webhooks and keeps their
// configuration as narrow as the kinds are. It never holds a pod back: what it
// cannot do it leaves out. Open door.go first, then decide.go.
package inject
