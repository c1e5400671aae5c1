package snapshot

import "encoding/binary"

// sources are the sums of source values that Compare found other than the base has them, by record.
type sources struct {
	rows  uint64
	dir   string
	limit int
	count uint64
	b     []byte // eight bytes for each record, once there is one
	file  *tempMapping
}

func (s *sources) set(ord, source uint64) (err error) {
	if s.b == nil {
		size := int(s.rows) * 8
		if size <= s.limit {
			s.b = make([]byte, size)
		} else {
			if s.file, err = newTempMapping(s.dir, size); err != nil {
				return err
			}
			s.b = s.file.bytes
		}
	}
	s.count++
	binary.LittleEndian.PutUint64(s.b[8*ord:], source)
	return nil
}

// at returns the new source of a record, or 0.
func (s *sources) at(ord uint64) uint64 {
	if s.b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(s.b[8*ord:])
}

func (s *sources) Close() error {
	s.b = nil
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
