package netpol

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"

	"k8s.io/apimachinery/pkg/types"
)

// A memory keeps on disk which pods the gate has heard of. The kubelet tells
// the API of a pod's address a while after its containers began: an enforcer
// that starts in between would not know whom to wall. It lies in the folder of
// sockets, which a machine that starts again has lost, as it has its pods. What
// it says of pods that have gone since does no harm.
type memory struct{ file string } // "": nothing is kept

// read returns what was kept; nothing when there is none.
func (m memory) read() (map[netip.Addr]types.UID, error) {
	known := map[netip.Addr]types.UID{}
	if m.file == "" {
		return known, nil
	}
	text, err := os.ReadFile(m.file)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		return map[netip.Addr]types.UID{}, fmt.Errorf("recall the pods of the gate: %w", err)
	}
	return known, nil
}

// write keeps known, whole or not at all.
func (m memory) write(known map[netip.Addr]types.UID) error {
	if m.file == "" {
		return nil
	}
	text, err := json.Marshal(known)
	if err == nil {
		err = os.WriteFile(m.file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(m.file+".new", m.file)
	}
	if err != nil {
		return fmt.Errorf("remember the pods of the gate: %w", err)
	}
	return nil
}
