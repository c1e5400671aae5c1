package syncer

import (
	"runtime"
	"sync"

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
	queues  []chan *arena // of the benches but the first, whose goroutines run
	workers sync.WaitGroup
}

// bench is what one goroutine needs.
type bench struct {
	cells   []warehouse.Cell
	scratch []byte
	hash    diffstore.Hasher
	fields  detail
}

// rendered is the record of one row.
type rendered struct {
	record     *mappings.Encoded
	sum, first diffstore.Sum
	detail     []byte // of its fields; nil where it was not made
	stored     []byte // of all of them, as AppendStored gives them; nil where they were not gathered
	unread     error  // why the row could not be taken apart
	failed     error  // of Encode
}

// shrink lets go of memory that few rows need so much of.
func (r *rendered) shrink() {
	const most = 16 << 10
	if r.record.Shrink(); cap(r.stored) > most {
		r.stored = nil
	}
}

// newRendered returns room for the records of a chunk.
func newRendered() []rendered {
	records, chunk := make([]mappings.Encoded, chunkRows), make([]rendered, chunkRows)
	for i := range chunk {
		chunk[i].record = &records[i]
	}
	return chunk
}

const (
	mostBenches = 4
	mostQueued  = 2             // arenas that are begun and not finished
	pieceRows   = 32            // are taken at a time
	manyRows    = 4 * pieceRows // from which on they are shared
)

func newRenderer(st *stager, rows warehouse.Packer, skimmer diffstore.Skimmer) (*renderer, error) {
	r := &renderer{stager: st, rows: rows}
	n := 1
	if celled, ok := rows.(warehouse.Celled); ok {
		r.celled, n = celled, min(runtime.GOMAXPROCS(0), mostBenches)
	}
	r.benches = make([]bench, n)
	for i := range r.benches {
		hash, err := skimmer.Hasher()
		if err != nil {
			return nil, err
		}
		r.benches[i] = bench{cells: make([]warehouse.Cell, len(st.cells)), hash: hash, fields: st.fields}
	}
	return r, nil
}

// begin has the rows of an arena that are due rendered by other goroutines, where they are many. Each arena is finished
// before a third one is begun.
func (r *renderer) begin(a *arena) {
	if len(a.due) == 0 {
		return
	}
	a.open()
	if len(a.due) < manyRows {
		return
	}
	if r.queues == nil {
		r.start()
	}
	for _, queue := range r.queues {
		a.rendering.Add(1)
		queue <- a
	}
}

// finish renders what is not rendered yet of an arena that was begun, and returns when all of it is.
func (r *renderer) finish(a *arena) {
	r.work(&r.benches[0], a)
	a.rendering.Wait()
}

func (r *renderer) start() {
	for i := range r.benches[1:] {
		b, queue := &r.benches[i+1], make(chan *arena, mostQueued)
		r.queues = append(r.queues, queue)
		r.workers.Go(func() {
			for a := range queue {
				r.work(b, a)
				a.rendering.Done()
			}
		})
	}
}

// stop ends the goroutines.
func (r *renderer) stop() {
	for _, queue := range r.queues {
		close(queue)
	}
	r.queues = nil
	r.workers.Wait()
}

// work renders rows of an arena until there is none left that nobody renders.
func (r *renderer) work(b *bench, a *arena) {
	n := len(a.due)
	for {
		to := int(a.next.Add(pieceRows))
		if to-pieceRows >= n {
			return
		}
		for i := to - pieceRows; i < min(to, n); i++ {
			r.one(b, &a.out[i], a.dueRow(i))
		}
	}
}

func (r *renderer) one(b *bench, out *rendered, packed []byte) {
	*out = rendered{record: out.record, detail: out.detail[:0], stored: out.stored[:0]}
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
	out.sum, out.first = sums(out.record, b.hash.Sum)
	out.detail = b.fields.append(out.detail, out.record)
	out.stored = out.record.AppendStored(out.stored, false)
}
