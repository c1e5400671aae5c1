package diffstore

import (
	"context"
	"errors"
)

// ErrKey is wrapped by the error of a snapshot that is encrypted with another key than the one given, or with one where
// none was given. Nothing is wrong with the snapshot.
var ErrKey = errors.New("the encryption key does not fit")

// ErrSpare is wrapped by an error of Verify about a file that no run needs, such as a generation that was replaced.
var ErrSpare = errors.New("no run needs this file, and nothing is lost")

// Inspector is a Store that people can look into. All of it reads only, and may stand beside a session.
type Inspector interface {
	// Syncs returns the syncs of which there is anything, in order, whether it can be read or not.
	Syncs(ctx context.Context) ([]string, error)

	// Check finds damage that the next run would meet at once: it reads what is read before the first key is looked
	// up. A sync that never ran is well.
	Check(ctx context.Context, sync string) error

	// Verify reads every byte. Its error names the file and the place that is damaged.
	Verify(ctx context.Context, sync string) error

	// Lookup returns what is known of one key, or nil.
	Lookup(ctx context.Context, sync, key string) (*Known, error)
}
