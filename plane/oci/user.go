package oci

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// user changes who a process is. Names are those of the image; a user without
// a group has that of its line, and group 0 when it has none, as docker has it.
func (s Settings) user(user tree, rootfs string) error {
	if s.User == "" && len(s.Groups) == 0 {
		return nil
	}
	image, err := os.OpenRoot(rootfs) // links of the image lead nowhere else
	if err != nil {
		return fmt.Errorf("open image: %w", err)
	}
	defer image.Close()
	var groups []uint32
	if s.User != "" {
		if groups, err = become(user, image, s.User); err != nil {
			return err
		}
	}
	for _, name := range s.Groups {
		gid, err := groupID(image, name)
		if err != nil {
			return err
		}
		groups = append(groups, gid)
	}
	for _, gid := range groups {
		have := listOf(user["additionalGids"])
		if !slices.ContainsFunc(have, func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(gid) }) {
			user["additionalGids"] = append(have, gid)
		}
	}
	return nil
}

// become sets user and group, and returns the groups that have the user as a
// member.
func become(user tree, image *os.Root, text string) (groups []uint32, err error) {
	name, group, grouped := strings.Cut(text, ":")
	lines, err := lookUp(image, "etc/passwd", func(f []string) bool { return f[0] == name || f[2] == name })
	if err != nil {
		return nil, err
	}
	uid, known := number(name)
	gid := uint32(0)
	if len(lines) > 0 {
		uid, known = number(lines[0][2])
		name = lines[0][0]
		if len(lines[0]) > 3 {
			gid, _ = number(lines[0][3])
		}
	}
	if !known {
		return nil, fmt.Errorf("find user %s: /etc/passwd of the image does not have it", name)
	}
	if grouped {
		if gid, err = groupID(image, group); err != nil {
			return nil, err
		}
	}
	if had, ok := user["uid"].(json.Number); uid == 0 && ok && had != "0" {
		return nil, fmt.Errorf("become user %s: it is root, and the pod says that it is not to be", text)
	}
	user["uid"], user["gid"], user["additionalGids"] = uid, gid, []any{gid}
	if grouped { // then docker asks for no others
		return nil, nil
	}
	member := func(f []string) bool { return len(f) > 3 && slices.Contains(strings.Split(f[3], ","), name) }
	lines, err = lookUp(image, "etc/group", member)
	for _, l := range lines {
		if g, ok := number(l[2]); ok {
			groups = append(groups, g)
		}
	}
	return groups, err
}

func groupID(image *os.Root, name string) (uint32, error) {
	lines, err := lookUp(image, "etc/group", func(f []string) bool { return f[0] == name })
	if err != nil {
		return 0, err
	}
	if len(lines) > 0 {
		name = lines[0][2]
	}
	gid, ok := number(name)
	if !ok {
		return 0, fmt.Errorf("find group %s: /etc/group of the image does not have it", name)
	}
	return gid, nil
}

// lookUp returns the fields of the lines of a file that which picks. An image
// may have no such file.
func lookUp(image *os.Root, file string, which func([]string) bool) (all [][]string, err error) {
	f, err := image.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read /%s of the image: %w", file, err)
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		if fields := strings.Split(scan.Text(), ":"); len(fields) > 2 && which(fields) {
			all = append(all, fields)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("read /%s of the image: %w", file, err)
	}
	return all, nil
}

func number(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(min(n, math.MaxInt32)), err == nil && n <= math.MaxInt32
}
