// Package stack keeps Stacks: it makes the objects of every service, puts back
// what was changed by hand, removes what left the file and says how each
// service is. It never deletes a volume and never touches an object that is
// not the stack's. Open decide.go first.
package stack
