package pebble

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Backup leaves a copy of the log in a new folder, as of now, while all goes
// on. Files are shared with the log where the file system can. Open opens it,
// or a copy of it: that is the restore.
func (l *Log) Backup(ctx context.Context, dir string) error {
	done, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := l.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("back up to %s: %w", dir, err)
	}
	return nil
}
