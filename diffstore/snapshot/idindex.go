package snapshot

import "errors"

// addIDs lists a record under its identifiers, but not under one that equals the key: that is found by the key.
func (w *writer) addIDs(r *record) (err error) {
	found := r.claims(func(id []byte) {
		if string(id) == string(r.key) || err != nil {
			return
		}
		top := uint32(prefix(w.hash.HashKey(id)) >> 32)
		w.idDir[top>>(32-w.idBits)]++
		w.idCount++
		err = w.ids.add(uint64(top)<<32 | w.rows)
	})
	return errors.Join(found, err)
}

// writeIDs writes the records of identifiers bucket by bucket: one part after the other of those that were gathered is
// put in order.
func (w *writer) writeIDs(width uint) error {
	p := packer{w: w, width: width + tellWidth}
	perPart := 1 << (w.idBits - partBits)
	var gathered, ordered []uint64
	for part := range parts {
		var err error
		if gathered, err = w.ids.read(part, gathered[:0]); err != nil {
			return err
		}
		counts := w.idDir[part*perPart : (part+1)*perPart]
		ordered = append(ordered[:0], gathered...)
		byBucket(gathered, ordered, counts, w.idBits)
		for _, entry := range ordered {
			if err := p.put(tellOf(uint32(entry>>32))<<width | entry&(1<<32-1)); err != nil {
				return err
			}
		}
	}
	return p.finish()
}

// byBucket puts entries into ordered, bucket by bucket; counts says how many each has.
func byBucket(entries, ordered []uint64, counts []uint32, idBits uint32) {
	free := make([]uint32, len(counts))
	begin := uint32(0)
	for i, n := range counts {
		free[i] = begin
		begin += n
	}
	for _, e := range entries {
		bucket := e >> (64 - idBits) & uint64(len(counts)-1)
		ordered[free[bucket]] = e
		free[bucket]++
	}
}

// packer writes numbers of width bits without gaps, and eight bytes behind them so that each can be read as a part of
// eight.
type packer struct {
	w     *writer
	width uint
	acc   uint64
	n     uint
	b     []byte
}

func (p *packer) put(v uint64) error {
	p.acc |= v << p.n
	for p.n += p.width; p.n >= 8; p.n -= 8 {
		p.b = append(p.b, byte(p.acc))
		p.acc >>= 8
	}
	if len(p.b) < blockSize {
		return nil
	}
	_, err := p.w.Write(p.b)
	p.b = p.b[:0]
	return err
}

func (p *packer) finish() error {
	if p.n > 0 {
		p.b = append(p.b, byte(p.acc))
	}
	_, err := p.w.Write(append(p.b, make([]byte, 8)...))
	return err
}
