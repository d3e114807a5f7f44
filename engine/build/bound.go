package build

import (
	"github.com/moby/buildkit/client"
	"golang.org/x/sys/unix"
)

// The cache holds a tenth of the disk, at least smallest and at most largest;
// and it gives way where less than a tenth of the disk is free.
const (
	smallest = 2 << 30
	largest  = 20 << 30
	tenth    = 10
)

// bound says how much of the disk below dir the builder may keep.
func bound(dir string) client.PruneInfo {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return keep(0)
	}
	return keep(int64(s.Blocks) * s.Bsize)
}

// keep is the bound on a disk of so many bytes; 0: unknown.
func keep(disk int64) client.PruneInfo {
	return client.PruneInfo{
		All: true, ReservedSpace: smallest / 2, MaxUsedSpace: min(max(disk/tenth, smallest), largest), MinFreeSpace: disk / tenth,
	}
}
