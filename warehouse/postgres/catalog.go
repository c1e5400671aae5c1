package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"spillway/warehouse"
)

// codecs holds the codec of every type that a result needs.
type codecs map[uint32]codec

func (c codecs) of(oid uint32) codec {
	if known, ok := c[oid]; ok {
		return known
	}
	return asText
}

// typeNames asks the server to write the fields' types in full: "numeric(12,2)".
func (s *session) typeNames(ctx context.Context, fields []pgconn.FieldDescription) ([]string, error) {
	var oids, modifiers []string
	for _, f := range fields {
		oids = append(oids, strconv.FormatUint(uint64(f.DataTypeOID), 10))
		modifiers = append(modifiers, strconv.FormatInt(int64(f.TypeModifier), 10))
	}
	var names []string
	err := s.conn.SelectContext(ctx, &names, `
		select pg_catalog.format_type(f.oid, f.modifier)
		from unnest($1::oid[], $2::int[]) with ordinality as f (oid, modifier, place)
		order by f.place`, list(oids), list(modifiers))
	return names, err
}

func list(items []string) string { return "{" + strings.Join(items, ",") + "}" }

// typeRow is a type as the catalog describes it.
type typeRow struct {
	OID       uint32 `db:"oid"`
	Kind      string `db:"kind"`      // pg_type.typtype
	Base      uint32 `db:"base"`      // of a domain: the type below
	Element   uint32 `db:"element"`   // of an array: the type of its elements, else 0
	Delimiter string `db:"delimiter"` // of an array: what stands between elements
	Names     string `db:"names"`     // of a composite: a JSON array of its fields' names
	Types     string `db:"types"`     // of a composite: the types of its fields, comma-separated
}

const typeQuery = `
	select t.oid, t.typtype as kind, t.typbasetype as base,
	       coalesce(e.oid, 0) as element, coalesce(e.typdelim, ',') as delimiter,
	       coalesce(a.names, '[]') as names, coalesce(a.types, '') as types
	from pg_catalog.pg_type t
	left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid
	left join lateral (
		select json_agg(a.attname order by a.attnum)::text as names,
		       string_agg(a.atttypid::text, ',' order by a.attnum) as types
		from pg_catalog.pg_attribute a
		where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
	) a on true
	where t.oid = any($1::oid[])`

// codecs reads from the catalog what it takes to decode the fields' types and those inside of them.
func (s *session) codecs(ctx context.Context, fields []pgconn.FieldDescription) (codecs, error) {
	found := make(map[uint32]typeRow)
	var wanted []uint32
	for _, f := range fields {
		wanted = append(wanted, f.DataTypeOID)
	}
	for {
		var missing []string
		for _, oid := range wanted {
			if _, ok := found[oid]; !ok && !isScalar(oid) {
				missing = append(missing, strconv.FormatUint(uint64(oid), 10))
				found[oid] = typeRow{OID: oid}
			}
		}
		if len(missing) == 0 {
			break
		}
		var rows []typeRow
		if err := s.conn.SelectContext(ctx, &rows, typeQuery, list(missing)); err != nil {
			return nil, err
		}
		wanted = wanted[:0]
		for _, r := range rows {
			found[r.OID] = r
			wanted = append(wanted, r.parts()...)
		}
	}
	return s.compile(ctx, fields, found)
}

// parts are the types that r is made of.
func (r typeRow) parts() []uint32 {
	switch {
	case r.Kind == "d":
		return []uint32{r.Base}
	case r.Element != 0:
		return []uint32{r.Element}
	case r.Kind == "c":
		return r.fieldTypes()
	}
	return nil
}

func (r typeRow) fieldTypes() []uint32 {
	var oids []uint32
	for text := range strings.SplitSeq(r.Types, ",") {
		if oid, err := strconv.ParseUint(text, 10, 32); err == nil {
			oids = append(oids, uint32(oid))
		}
	}
	return oids
}

// compile builds the codecs of the fields' types from what the catalog says.
func (s *session) compile(ctx context.Context, fields []pgconn.FieldDescription, found map[uint32]typeRow) (codecs, error) {
	b := builder{found: found, done: codecs{}}
	if b.needsMoney(fields) {
		var one string
		if err := s.conn.GetContext(ctx, &one, "select ('1'::money)::numeric::text"); err != nil {
			return nil, err
		}
		_, decimals, _ := strings.Cut(one, ".")
		b.done[oidMoney] = codec{
			class: warehouse.Numeric, text: money(len(decimals)), form: fmt.Sprintf("money of %d decimals", len(decimals)),
		}
	}
	for _, f := range fields {
		b.build(f.DataTypeOID)
	}
	return b.done, nil
}
