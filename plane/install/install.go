package install

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Run leaves a copy of the running program in dir. To do it twice is fine.
func Run(dir string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("copy myself: %w", err)
	}
	defer self.Close()
	half := filepath.Join(dir, ".nagi-plane")
	if err := write(half, self); err != nil {
		return fmt.Errorf("copy myself to %s: %w", dir, err)
	}
	if err := os.Rename(half, filepath.Join(dir, "nagi-plane")); err != nil {
		return fmt.Errorf("copy myself: %w", err)
	}
	return nil
}

func write(name string, from io.Reader) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, from); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o755); err != nil { // whatever the umask
		f.Close()
		return err
	}
	return f.Close()
}
