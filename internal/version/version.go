// Package version knows which Nagi this is. The linker sets Version.
package version

// Version is the release, without a leading v; "dev" outside of make build.
var Version = "dev"

// PlaneImage and PauseImage are the system's own images; the server makes
// both from the nagi-plane it carries.
func PlaneImage() string { return "nagi.dev/plane:" + Version }
func PauseImage() string { return "nagi.dev/pause:" + Version }

// PlatformImage holds nagi itself, for clusters that exist: nagi install.
func PlatformImage() string { return "nagi.dev/platform:" + Version }
