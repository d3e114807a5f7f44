// Package registry reads the one file in which a person describes
// registries, their mirrors and their credentials, and writes it in the
// words of those who fetch images: containerd, the kubelet and the builder.
// It fetches nothing itself. Start with Read.
package registry
