package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// folders makes and removes the folders of volumes in one place. Only root
// may look into that place; inside, every user of a container may write.
type folders string

// make makes the folder; one that is there already stays as it is.
func (f folders) make(name string) error {
	root, err := f.open()
	if err != nil {
		return err
	}
	defer root.Close()
	err = root.Mkdir(name, 0o777)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make folder of volume: %w", err)
	}
	if err := root.Chmod(name, 0o777); err != nil { // whatever the umask
		return errors.Join(fmt.Errorf("open folder to all: %w", err), root.Remove(name))
	}
	return nil
}

// remove removes the folder and what is in it; links are removed, not
// followed. A folder that is gone already is fine.
func (f folders) remove(name string) error {
	root, err := f.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.RemoveAll(name); err != nil {
		return fmt.Errorf("remove folder of volume: %w", err)
	}
	return nil
}

func (f folders) open() (*os.Root, error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return nil, fmt.Errorf("make folder of volumes: %w", err)
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, fmt.Errorf("open folder of volumes: %w", err)
	}
	return root, nil
}
