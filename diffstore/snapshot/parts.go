package snapshot

import (
	"context"

	"spillway/diffstore"
)

// WithRoom says how much of the machine's memory, in bytes, there is for the files of a snapshot, which are mapped and
// do not count to what WithMemory bounds. Without it the operating system is asked.
func WithRoom(bytes int64) Option {
	return func(f *files) error {
		f.room = func() int64 { return bytes }
		return nil
	}
}

// Parts implements diffstore.Skimmer: the part of the index that is looked at must fit into a half of the room, with the
// texts of rows that differ in the other.
func (v *view) Parts(ctx context.Context) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(ctx); err != nil {
		return 0, err
	}
	if v.base == nil {
		return 1, nil
	}
	index, room := int64(len(v.base.index)+len(v.base.keyDir)), v.room()
	if index <= room {
		return 1, nil
	}
	parts := int64(2)
	for parts < diffstore.MostParts && index/parts > room/2 {
		parts *= 2
	}
	return int(parts), nil
}
