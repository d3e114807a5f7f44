// Package assemble makes container images from Debian packages and our own Go
// programs, without a container runtime, a registry or root: it unpacks the
// packages in memory and never runs their installation scripts, so a recipe
// adds what those would. Equal packages give equal images. Open recipe.go
// first, then build.go.
package assemble
