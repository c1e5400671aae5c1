package snapshot

// cursor goes through the records of a generation, or of an overlay, in the order of their keys' hashes. It reads the
// texts of a record when it is asked for them alone.
type cursor struct {
	hash uint64 // of the record it stands at
	at   uint64 // its number

	g      *generation
	bucket uint64
	loaded bool   // the group that at is in
	group  uint64 // its number
	ahead  uint64 // the record that texts begins with
	texts  reader
	detail uint64 // the length that details in the group have
	last   record // the one before ahead

	refs  []reference // of an overlay, when g is nil, and where their records are
	arena arena

	touched byte // of no use, but that what is looked at is not left out

	age int // among the cursors of a merge: the newest has 0
}

// first puts the cursor at the first record.
func (c *cursor) first() bool {
	c.at = 0
	return c.stand()
}

func (c *cursor) next() bool {
	c.at++
	return c.stand()
}

func (c *cursor) stand() bool {
	if c.g == nil {
		if c.at >= uint64(len(c.refs)) {
			return false
		}
		if c.at%glance == 0 {
			c.look(c.refs[c.at:min(c.at+glance, uint64(len(c.refs)))])
		}
		c.hash = c.arena.hashAt(c.refs[c.at].offset)
		return true
	}
	if c.at >= c.g.rows {
		return false
	}
	for _, hi := bucket(c.g.keyDir, c.bucket, c.g.rows); c.at >= hi; _, hi = bucket(c.g.keyDir, c.bucket, c.g.rows) {
		if c.bucket++; c.bucket == 1<<c.g.keyBits {
			return false
		}
	}
	c.hash = c.bucket<<c.g.keyShift&^hashMask | c.g.hashAt(c.at)
	return true
}

// glance is how many records of an overlay are looked at before the first of them is read.
const glance = 16

// look looks at records in memory, which lie in another order there, so that the processor waits for all of them at once.
func (c *cursor) look(refs []reference) {
	for _, r := range refs {
		b := c.arena.from(r.offset)
		c.touched += b[0] + b[min(64, len(b)-1)]
	}
}

// kind returns that of the record it stands at.
func (c *cursor) kind() kind {
	if c.g == nil {
		r := c.arena.record(c.refs[c.at].offset)
		return r.kind
	}
	return c.g.kindAt(c.at)
}

// record returns the record it stands at.
func (c *cursor) record() (record, error) {
	if c.g == nil {
		return c.arena.record(c.refs[c.at].offset), nil
	}
	if c.loaded && c.ahead == c.at+1 && c.ahead > c.group<<c.g.groupBits {
		return c.last, nil
	}
	group := c.at >> c.g.groupBits
	if !c.loaded || c.group != group || c.ahead > c.at {
		b, err := c.g.group(group)
		if err != nil {
			return record{}, err
		}
		c.texts = reader{b: b}
		c.loaded, c.group, c.ahead, c.detail = true, group, group<<c.g.groupBits, c.texts.uvarint()
	}
	for ; c.ahead < c.at; c.ahead++ {
		c.skip()
	}
	c.last = c.read()
	if c.texts.bad {
		return record{}, damage("%s: record %d cannot be read", c.g.path, c.at)
	}
	c.ahead++
	return c.last, nil
}

// skip drops a record off the front of the texts. That of a plain record with a short key and identifier, which is
// most, is found without reading it.
func (c *cursor) skip() {
	if b := c.texts.b; len(b) > 0 && b[0]&0x81 == 0 && c.g.markAt(c.ahead)&1 == 0 {
		at := 1 + uint64(b[0])>>1
		if at < uint64(len(b)) && b[at] < 0x80 {
			at += 1 + uint64(max(b[at], idLength)-idLength) + c.detail
			if at <= uint64(len(b)) {
				c.texts.b = b[at:]
				return
			}
		}
	}
	c.read()
}

// read takes a record off the front of the texts.
func (c *cursor) read() record {
	r := record{kind: c.g.kindAt(c.ahead)}
	length := c.texts.uvarint()
	r.key = c.texts.take(length >> 1)
	switch r.kind {
	case plain:
		r.sum, r.source = c.g.markAt(c.ahead), c.g.sourceAt(c.ahead)
		switch id := c.texts.uvarint(); id {
		case idNone:
		case idIsKey:
			r.id = r.key
		default:
			r.id = c.texts.take(id - idLength)
		}
		detail := c.detail
		if length&1 != 0 {
			detail = c.texts.uvarint()
		}
		r.detail = c.texts.take(detail)
	case whole:
		r.body = c.texts.bytes()
	case tombstone, taken, intent, answered:
	}
	return r
}

// What stands before the identifier of a plain record, unless it is its length with idLength added.
const (
	idNone   = 0
	idIsKey  = 1
	idLength = 2
)
