// mapping writes docs/compose.md: what becomes of each attribute of a compose
// file, from the table that makes the report of a deploy, and from the objects
// that a file with one of everything becomes. It states nothing by itself.
//
//	go run ./compose/mapping > docs/compose.md
package main
