// Package containerd runs the container runtime: the same file as the server,
// re-executed under the name containerd. Containers belong to their shims and
// go on when containerd ends. Start with Main (the process) or Client (its
// users).
package containerd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins" // its plugins register themselves
	"github.com/containerd/containerd/v2/cmd/containerd/command"

	"nagi.dev/engine/calm"
	"nagi.dev/engine/config"
	"nagi.dev/engine/supervise"
	"nagi.dev/internal/version"
	"nagi.dev/plane/oci"
)

// Main is the whole life of the containerd process.
func Main(args []string) error {
	supervise.Inherit()
	calm.Soon()
	return command.App().Run(context.Background(), args)
}

// ConfigFile is what the process reads.
func ConfigFile(c config.Config) string { return filepath.Join(c.Dirs.Containerd(), "config.toml") }

// WriteConfig leaves the settings for the process.
func WriteConfig(c config.Config) error {
	if err := os.MkdirAll(c.Dirs.Containerd(), 0o711); err != nil {
		return fmt.Errorf("make folder of containerd: %w", err)
	}
	if err := os.WriteFile(ConfigFile(c), []byte(settings(c)), 0o600); err != nil {
		return fmt.Errorf("write containerd settings: %w", err)
	}
	return nil
}

// settings says only what differs from containerd's defaults. A negative
// oom_score_adj is refused where CAP_SYS_RESOURCE is missing, so containers
// may be restricted to what their parent has.
func settings(c config.Config) string {
	d := c.Dirs
	return fmt.Sprintf(`version = 3
root = %q
state = %q
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.nri.v1.nri",
]
[grpc]
  address = %q
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  max_concurrent_downloads = 8
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = %q
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = %q
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = %v
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = [%q]
    conf_dir = %q
    use_internal_loopback = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = %q
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nagi]
      runtime_type = "io.containerd.runc.v2"
      pod_annotations = ["`+oci.AnnotationPrefix+`*"]
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.nagi.options]
        SystemdCgroup = false
        BinaryName = %q
`, d.Containerd(), filepath.Join(d.Run, "containerd"), d.ContainerdSocket(), version.PauseImage(), d.Registries(), !apparmor(),
		d.Bin(), CNIDir(c), filepath.Join(d.Bin(), "runc"), filepath.Join(d.Bin(), oci.Program))
}

// apparmor tells whether the kernel has it and lets this machine load
// profiles; a container without the securityfs cannot.
func apparmor() bool {
	_, err := os.Stat("/sys/kernel/security/apparmor/profiles")
	return err == nil
}

// CNIDir is where containerd looks for the network of pods.
func CNIDir(c config.Config) string { return filepath.Join(c.Dirs.Data, "cni") }
