// Package recipes is the list of images that examples and tests use: what the
// usual images of the same names offer, from Debian's packages and our own
// programs. It makes none of them; package assemble does. Open recipes.go
// first.
package recipes
