package syncer

import (
	"runtime"
	"sync"
	"sync/atomic"

	"spillway/diffstore"
	"spillway/mappings"
	"spillway/warehouse"
)

// renderer makes records of packed rows: of many, by several goroutines.
type renderer struct {
	stager  *stager
	rows    warehouse.Packer
	celled  warehouse.Celled // nil where rows are none, and are taken apart by one goroutine
	benches []bench
	out     []rendered
}

// bench is what one goroutine needs.
type bench struct {
	cells   []warehouse.Cell
	scratch []byte
	sum     func(canonical []byte) diffstore.Sum
	fields  detail
	details []byte // of the rows that were rendered
}

// rendered is the record of one row.
type rendered struct {
	record     *mappings.Encoded
	sum, first diffstore.Sum
	detail     []byte // nil where it was not made
	unread     error  // why the row could not be taken apart
	failed     error  // of Encode
}

const (
	mostBenches = 4
	pieceRows   = 32            // are taken at a time
	manyRows    = 4 * pieceRows // from which on they are shared
)

func newRenderer(st *stager, rows warehouse.Packer, skimmer diffstore.Skimmer) (*renderer, error) {
	r := &renderer{stager: st, rows: rows, out: make([]rendered, chunkRows)}
	n := 1
	if celled, ok := rows.(warehouse.Celled); ok {
		r.celled, n = celled, min(runtime.GOMAXPROCS(0), mostBenches)
	}
	r.benches = make([]bench, n)
	for i := range r.benches {
		sum, err := skimmer.Summer()
		if err != nil {
			return nil, err
		}
		r.benches[i] = bench{cells: make([]warehouse.Cell, len(st.cells)), sum: sum, fields: st.fields}
	}
	return r, nil
}

// all renders n rows into the chunk of the stager, which is empty. What it returns holds until the next call.
func (r *renderer) all(n int, packed func(i int) []byte) []rendered {
	var next atomic.Int64
	work := func(b *bench) {
		b.details = b.details[:0]
		for {
			to := int(next.Add(pieceRows))
			if to-pieceRows >= n {
				return
			}
			for i := to - pieceRows; i < min(to, n); i++ {
				r.one(b, i, packed(i))
			}
		}
	}
	var others sync.WaitGroup
	if n >= manyRows {
		for i := range r.benches[1:] {
			others.Go(func() { work(&r.benches[i+1]) })
		}
	}
	work(&r.benches[0])
	others.Wait()
	return r.out[:n]
}

func (r *renderer) one(b *bench, i int, packed []byte) {
	out := &r.out[i]
	*out = rendered{record: &r.stager.chunk[i]}
	if r.celled != nil {
		if b.scratch, out.unread = r.celled.Cells(packed, b.cells, b.scratch[:0]); out.unread != nil {
			return
		}
	} else {
		row, err := r.rows.Unpack(packed)
		if err != nil {
			out.unread = err
			return
		}
		b.cells = b.cells[:0]
		for _, v := range row {
			b.cells = append(b.cells, warehouse.CellOf(v))
		}
	}
	if out.failed = r.stager.route.mapping.Encode(b.cells, out.record); out.failed != nil {
		return
	}
	out.sum, out.first = sums(out.record, b.sum)
	from := len(b.details)
	b.details = b.fields.append(b.details, out.record)
	out.detail = b.details[from:]
}
