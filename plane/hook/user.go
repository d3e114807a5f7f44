package hook

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// identify finds the numbers of "NAME", "NUMBER" or either with ":GROUP", in
// the container's own files; nil: the user stays. A user without a group gets
// that of /etc/passwd, and group 0 when it stands nowhere, as docker has it.
func identify(text, root string) (*syscall.Credential, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no user is no error
	}
	name, group, grouped := strings.Cut(text, ":")
	line, err := find(filepath.Join("/", root, "etc/passwd"), name)
	if err != nil {
		return nil, err
	}
	uid, known := number(name)
	if line != nil {
		uid, known = number(line[2])
	}
	if !known {
		return nil, fmt.Errorf("find user %s: /etc/passwd of the image does not have it", name)
	}
	c := &syscall.Credential{Uid: uid}
	if len(line) > 3 {
		c.Gid, _ = number(line[3])
	}
	if grouped {
		if c.Gid, err = findGroup(group, root); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func findGroup(name, root string) (uint32, error) {
	line, err := find(filepath.Join("/", root, "etc/group"), name)
	if err != nil {
		return 0, err
	}
	if line != nil {
		name = line[2]
	}
	gid, ok := number(name)
	if !ok {
		return 0, fmt.Errorf("find group %s: /etc/group of the image does not have it", name)
	}
	return gid, nil
}

// find returns the fields of the line for a name or a number; nil: there is
// none. An image may have no such file.
func find(file, who string) ([]string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", who, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); len(fields) > 2 && (fields[0] == who || fields[2] == who) {
			return fields, nil
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("find %s in %s: %w", who, file, err)
	}
	return nil, nil
}

func number(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(min(n, math.MaxInt32)), err == nil && n <= math.MaxInt32
}
