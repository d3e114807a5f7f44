package assemble

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// neverInstalled are packages that images do without: package management,
// Perl for installation scripts, init systems.
var neverInstalled = []string{
	"perl", "perl-base", "perl-modules-*", "libperl*", "lib*-perl", "libgdbm*", "debconf", "dpkg", "usrmerge", "usr-is-merged",
	"adduser", "passwd", "init-system-helpers", "lsb-base", "sysvinit-utils", "libsemanage*", "libsepol*", "ucf",
	"sensible-utils", "gcc-*-base", "logrotate", "cron", "ssl-cert", "postgresql-common", "postgresql-client-common", "media-types",
}

// sources are the lists of Debian's own archives on this machine; the first
// that exists is used, so that a mirror or a proxy set up there is used too.
var sources = []string{"/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"}

// stale is the age at which package lists are fetched anew.
const stale = 24 * time.Hour

// debian is a private installation of apt: it shares nothing with the
// machine's but the list of sources and the keys.
type debian struct{ dir string }

// configure makes the folders and the configuration.
func (d debian) configure() error {
	for _, sub := range []string{"lists/partial", "archives/partial", "debs"} {
		if err := os.MkdirAll(filepath.Join(d.dir, sub), 0o755); err != nil {
			return fmt.Errorf("make apt folder: %w", err)
		}
	}
	i := slices.IndexFunc(sources, func(f string) bool {
		_, err := os.Stat(f)
		return err == nil
	})
	if i < 0 {
		return fmt.Errorf("find Debian's sources: none of %s exists", strings.Join(sources, ", "))
	}
	text := fmt.Sprintf(`Dir::State "%[1]s";
Dir::State::lists "%[1]s/lists";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s";
Dir::Cache::archives "%[1]s/archives";
Dir::Etc::sourcelist "%[2]s";
Dir::Etc::sourceparts "-";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
`, d.dir, sources[i])
	if err := os.WriteFile(filepath.Join(d.dir, "status"), nil, 0o644); err != nil {
		return fmt.Errorf("write apt status: %w", err)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "apt.conf"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write apt configuration: %w", err)
	}
	return nil
}

// update fetches the package lists, at most once a day.
func (d debian) update(ctx context.Context) error {
	stamp := filepath.Join(d.dir, "updated")
	if info, err := os.Stat(stamp); err == nil && time.Since(info.ModTime()) < stale {
		return nil
	}
	if _, err := d.apt(ctx, "", "update"); err != nil {
		return fmt.Errorf("fetch package lists: %w", err)
	}
	return os.WriteFile(stamp, nil, 0o644)
}

// quickly keeps apt's index between two calls, which images of Debian turn off.
var quickly = []string{"-qq", "-o", "Dir::Cache::pkgcache=pkgcache.bin", "-o", "Dir::Cache::srcpkgcache=srcpkgcache.bin"}

func (d debian) apt(ctx context.Context, dir string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "apt-get", append(slices.Clone(quickly), args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(d.dir, "apt.conf"), "LC_ALL=C")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("apt-get %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// closure returns the file names of packages and of all they depend on.
func (d debian) closure(ctx context.Context, packages, without []string) ([]string, error) {
	if len(packages) == 0 {
		return nil, nil
	}
	out, err := d.apt(ctx, "", append([]string{"install", "--print-uris"}, packages...)...)
	if err != nil {
		return nil, fmt.Errorf("resolve packages %s: %w", strings.Join(packages, " "), err)
	}
	var debs []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line) // 'URI' FILE SIZE HASH
		if len(f) < 3 || !strings.HasSuffix(f[1], ".deb") {
			continue
		}
		name, _, _ := strings.Cut(f[1], "_")
		if !anyMatch(without, name) && !anyMatch(neverInstalled, name) {
			debs = append(debs, f[1])
		}
	}
	slices.Sort(debs)
	return debs, nil
}

func anyMatch(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name) // the patterns are constants
		return ok
	})
}

// fetch downloads what is not there yet. apt checks each against the signed
// lists.
func (d debian) fetch(ctx context.Context, debs []string) error {
	var missing []string
	for _, deb := range debs {
		if _, err := os.Stat(d.path(deb)); err != nil {
			name, rest, _ := strings.Cut(deb, "_")
			version, _, _ := strings.Cut(rest, "_")
			missing = append(missing, name+"="+strings.ReplaceAll(version, "%3a", ":"))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := d.apt(ctx, filepath.Join(d.dir, "debs"), append([]string{"download"}, missing...)...); err != nil {
		return fmt.Errorf("download packages: %w", err)
	}
	return nil
}

func (d debian) path(deb string) string { return filepath.Join(d.dir, "debs", deb) }

// unpack adds the files of a package to the tree.
func (d debian) unpack(ctx context.Context, deb string, t Tree, drop dropper) error {
	c := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", d.path(deb))
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return fmt.Errorf("unpack %s: %w", deb, err)
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("unpack %s: %w", deb, err)
	}
	bad := t.addTar(out, drop)
	_, _ = io.Copy(io.Discard, out) // what follows the end of the tar file
	if err := c.Wait(); err != nil {
		return fmt.Errorf("unpack %s: %w: %s", deb, err, stderr.String())
	}
	if bad != nil {
		return fmt.Errorf("unpack %s: %w", deb, bad)
	}
	return nil
}
