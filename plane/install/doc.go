// Package install copies nagi-plane into a folder that the containers of a pod
// share: on a cluster that mounts no images as folders, that is how they come
// by it. It does nothing else. Open install.go first.
package install
