// Package seed fills an empty volume with what the image has at the place
// where it will be mounted, with owners and modes, as compose does. It never
// touches a volume that holds anything. Open seed.go first.
package seed
