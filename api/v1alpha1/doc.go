// Package v1alpha1 holds the kinds of the group nagi.dev, one file a kind. It
// holds shapes and bounds only: what a controller does about them stands in its
// room. Open stack.go first.
//
// +kubebuilder:object:generate=true
// +groupName=nagi.dev
package v1alpha1
