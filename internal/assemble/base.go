package assemble

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"nagi.dev/internal/archive"
)

// Path is where programs are found in images made here.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Debian is a small Debian without package management: a shell and the usual
// tools. Other recipes stand on it.
func Debian(names ...string) Recipe {
	return Recipe{
		Name:  "debian",
		Names: names,
		Packages: []string{
			"base-files", "base-passwd", "bash", "coreutils", "dash", "debianutils", "diffutils", "findutils", "grep", "gzip",
			"hostname", "libc-bin", "mawk", "ncurses-base", "netbase", "procps", "sed", "tar", "util-linux",
		},
		Files: map[string]archive.File{
			"bin": Link("usr/bin"), "sbin": Link("usr/sbin"), "lib": Link("usr/lib"), "lib64": Link("usr/lib64"),
			"usr/bin/sh": Link("dash"), "usr/bin/awk": Link("mawk"),
			"dev": Folder(0o755, 0), "proc": Folder(0o555, 0), "sys": Folder(0o555, 0), "run": Folder(0o755, 0),
			"root": Folder(0o700, 0), "tmp": Folder(0o1777, 0), "var/tmp": Folder(0o1777, 0), "run/lock": Folder(0o1777, 0),
			"var/run": Link("/run"), "var/lock": Link("/run/lock"),
			"etc/hosts": Text("127.0.0.1 localhost\n"), "etc/hostname": Text("localhost\n"),
		},
		Finish: finishDebian,
		Config: v1.Config{Env: []string{"PATH=" + Path}, Cmd: []string{"bash"}},
	}
}

// finishDebian puts the files in place that installation scripts copy.
func finishDebian(t Tree) error {
	for from, to := range map[string]string{
		"usr/share/base-passwd/passwd.master": "etc/passwd",
		"usr/share/base-passwd/group.master":  "etc/group",
		"usr/share/libc-bin/nsswitch.conf":    "etc/nsswitch.conf",
		"usr/share/base-files/profile":        "etc/profile",
	} {
		f, ok := t[from]
		if !ok {
			return fmt.Errorf("find %s: no package brings it", from)
		}
		f.Mode = 0o644
		t[to] = f
	}
	return nil
}

// Busybox is one static program under the names of some 270.
func Busybox(names ...string) Recipe {
	return Recipe{
		Name:     "busybox",
		Names:    names,
		Packages: []string{"busybox-static"},
		Without:  []string{"libc6", "libcrypt1", "libgcc-s1", "libresolv*"},
		Users: []User{
			{Name: "root", Home: "/root", Shell: "/bin/sh"},
			{Name: "daemon", ID: 1, Home: "/usr/sbin"},
			{Name: "www-data", ID: 33, Home: "/var/www"},
			{Name: "nobody", ID: 65534, Home: "/home"},
		},
		Files: map[string]archive.File{
			"dev": Folder(0o755, 0), "proc": Folder(0o555, 0), "sys": Folder(0o555, 0), "root": Folder(0o700, 0), "home": Folder(0o755, 65534),
			"tmp": Folder(0o1777, 0), "var/tmp": Folder(0o1777, 0), "var/www": Folder(0o755, 33), "etc/hostname": Text("localhost\n"),
			"usr/bin/env": Link("../../bin/env"),
			"usr/sbin":    Folder(0o755, 0),
		},
		Finish: finishBusybox,
		Config: v1.Config{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, Cmd: []string{"sh"}},
	}
}

// finishBusybox moves the program to /bin, where images have it, and links
// every command it knows.
func finishBusybox(t Tree) error {
	program, ok := t[busybox]
	if !ok {
		return fmt.Errorf("find busybox: its package has no %s", busybox)
	}
	for name := range t {
		if strings.HasPrefix(name, "usr/share/initramfs-tools") || strings.HasPrefix(name, "usr/bin/") && name != "usr/bin/env" {
			delete(t, name)
		}
	}
	t["bin/busybox"] = program
	return LinkBusybox(t, "bin")
}

// busybox is where its package puts it.
const busybox = "usr/bin/busybox"

// LinkBusybox links every command of the tree's dir/busybox that dir does not
// have yet.
func LinkBusybox(t Tree, dir string) error {
	commands, err := applets(t[dir+"/busybox"].Content)
	if err != nil {
		return fmt.Errorf("ask busybox for its commands: %w", err)
	}
	for _, c := range commands {
		if _, ok := t[dir+"/"+c]; !ok {
			t[dir+"/"+c] = Link("busybox")
		}
	}
	return nil
}

// applets runs the program, which lists its commands.
func applets(program []byte) ([]string, error) {
	f, err := os.CreateTemp("", "busybox-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(program); err != nil {
		return nil, err
	}
	if err := f.Chmod(0o700); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, f.Name(), "--list").Output()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(c string) bool { return c == "busybox" }), nil
}
