// Package oci stands before runc: it gives a container what compose says of it
// and Kubernetes has no word for, such as limits of its processes or a
// user by name. It changes what runc reads and lets runc do the rest; without
// settings in the annotations of a pod it changes nothing. Open oci.go first.
package oci
