// Package ambassador keeps Ambassadors: the document that the plane in each
// selected pod runs, and who answers behind it. It never proxies anything
// itself. Open document.go first, then decide.go.
package ambassador
