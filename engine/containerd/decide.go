package containerd

import (
	"slices"
	"strings"
	"time"
)

// builtLabel marks the images that were made here.
const builtLabel = "nagi.dev/built"

// A record is one name of an image in the pods' store.
type record struct {
	name    string
	digest  string
	created time.Time
	built   bool // made here
}

// excess lists the names of images made here for repo that may go: all but
// the newest keep, and never one that a container runs from. With a name by
// digest go the others of the same image that nobody chose.
func excess(all []record, repo string, used map[string]bool, keep int) []string {
	var made []record
	chosen := map[string]bool{} // digests that have a name of their own
	for _, r := range all {
		byDigest := strings.Contains(r.name, "@")
		if r.built && byDigest && strings.HasPrefix(r.name, repo+"@") {
			made = append(made, r)
		} else if !byDigest && !strings.HasPrefix(r.name, "sha256:") {
			chosen[r.digest] = true
		}
	}
	slices.SortFunc(made, func(a, b record) int { return b.created.Compare(a.created) })
	old := map[string]bool{}
	for _, r := range made[min(keep, len(made)):] {
		old[r.digest] = !used[r.digest] && !chosen[r.digest]
	}
	var out []string
	for _, r := range all {
		if old[r.digest] {
			out = append(out, r.name)
		}
	}
	return out
}
