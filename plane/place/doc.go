// Package place puts files and folders of a pod's volumes into the hands of
// the users that the compose file names, before the containers begin:
// Kubernetes gives all it mounts to root. It never touches anything but what
// its steps name. Open place.go first.
package place
