package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"spillway/warehouse"
)

// Writer is a warehouse.Writer over database/sql, for a system with transactions.
type Writer struct {
	DB      *sql.DB
	Dialect Dialect
	Explain func(ctx context.Context, err error) error // makes a driver's error one that says what to do
}

// Dialect is what systems write each in their own way.
type Dialect struct {
	Quote     func(name ...string) string
	Types     map[warehouse.Type]string // as a column declares them
	Key       string                    // the type of text in a table's key; empty: as elsewhere
	Suffix    string                    // after a table's columns: " default charset = utf8mb4"
	Parameter func(n int) string        // how the n-th value is written, from 1
	Settings  []string                  // statements before each transaction
	MostText  int                       // the bytes of text that a column holds; 0 is without end
	MostBytes int                       // the bytes of values after which a statement ends; 0 is insertBytes
}

// A statement inserts at most so many rows, and ends with the one that has its values take so many bytes.
const (
	insertRows  = 500
	insertBytes = 1 << 20
	valueBytes  = 32 // of a value besides its text, about
)

var _ warehouse.Writer = (*Writer)(nil)

// Create asks for each table whether it is there before it makes it: a role may be allowed to write a table that somebody
// else made, and not to make one.
func (w *Writer) Create(ctx context.Context, tables []warehouse.Table) error {
	for _, t := range tables {
		if w.there(ctx, t) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, err := w.DB.ExecContext(ctx, w.create(t)); err != nil {
			return w.failed("make", t, w.Explain(ctx, err))
		}
	}
	return nil
}

// there reports whether a table can be read with its columns. Why it cannot, making it tells.
func (w *Writer) there(ctx context.Context, t warehouse.Table) bool {
	rows, err := w.DB.QueryContext(ctx, "select "+names(t)+" from "+w.name(t)+" where 1 = 0")
	if err != nil {
		return false
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() { // there is none
	}
	return rows.Err() == nil
}

func (w *Writer) name(t warehouse.Table) string { return TableName(w.Dialect.Quote, t) }

// TableName is the name of a table as quote writes it.
func TableName(quote func(...string) string, t warehouse.Table) string {
	if t.Schema == "" {
		return quote(t.Name)
	}
	return quote(append(strings.Split(t.Schema, "."), t.Name)...)
}

func names(t warehouse.Table) string {
	list := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		list[i] = c.Name
	}
	return strings.Join(list, ", ")
}

// create is the statement that makes a table.
func (w *Writer) create(t warehouse.Table) string {
	inKey := map[string]bool{}
	for _, k := range t.Key {
		inKey[k] = true
	}
	var lines []string
	for _, c := range t.Columns {
		typ := w.Dialect.Types[c.Type]
		if inKey[c.Name] {
			if c.Type == warehouse.String && w.Dialect.Key != "" {
				typ = w.Dialect.Key
			}
			typ += " not null"
		}
		lines = append(lines, c.Name+" "+typ)
	}
	if len(t.Key) > 0 {
		lines = append(lines, "primary key ("+strings.Join(t.Key, ", ")+")")
	}
	return "create table if not exists " + w.name(t) + " (" + strings.Join(lines, ", ") + ")" + w.Dialect.Suffix
}

func (w *Writer) failed(what string, t warehouse.Table, err error) error {
	return fmt.Errorf("%s the table %s: %w", what, strings.TrimPrefix(t.Schema+"."+t.Name, "."), err)
}

// Replace carries out the changes in one transaction.
func (w *Writer) Replace(ctx context.Context, changes []warehouse.Replacement) (err error) {
	conn, err := w.DB.Conn(ctx)
	if err != nil {
		return w.Explain(ctx, err)
	}
	defer func() {
		if err != nil { // its transaction may still be open
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		_ = conn.Close()
	}()
	for _, setting := range w.Dialect.Settings {
		if _, err := conn.ExecContext(ctx, setting); err != nil {
			return w.Explain(ctx, err)
		}
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return w.Explain(ctx, err)
	}
	for _, c := range changes {
		if err := w.replace(ctx, tx, c); err != nil {
			_ = tx.Rollback() // the first error is the one to report
			return w.failed("write", c.Table, err)
		}
	}
	return w.Explain(ctx, tx.Commit())
}

func (w *Writer) replace(ctx context.Context, tx *sql.Tx, c warehouse.Replacement) error {
	var b strings.Builder
	var args []any
	b.WriteString("delete from " + w.name(c.Table) + " where ")
	for i, m := range c.Where {
		if i > 0 {
			b.WriteString(" and ")
		}
		b.WriteString(m.Column + " in (")
		for n, v := range m.Values {
			args = append(args, w.argument(v))
			b.WriteString(separated(n) + w.Dialect.Parameter(len(args)))
		}
		b.WriteString(")")
	}
	if _, err := tx.ExecContext(ctx, b.String(), args...); err != nil {
		return w.Explain(ctx, err)
	}
	if c.Rows == nil {
		return nil
	}
	return w.insert(ctx, tx, c)
}

// insert sends the rows, many in a statement.
func (w *Writer) insert(ctx context.Context, tx *sql.Tx, c warehouse.Replacement) error {
	var args []any
	size, most := 0, cmp.Or(w.Dialect.MostBytes, insertBytes)
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, w.insertion(c.Table, len(args)), args...)
		args, size = args[:0], 0
		return w.Explain(ctx, err)
	}
	for row, err := range c.Rows {
		if err != nil {
			return err
		}
		for _, v := range row {
			size += valueBytes
			if s, ok := v.(string); ok {
				size += len(s)
			}
			args = append(args, w.argument(v))
		}
		if len(args) >= insertRows*len(c.Table.Columns) || size >= most {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// insertion is a statement that inserts so many values.
func (w *Writer) insertion(t warehouse.Table, values int) string {
	var b strings.Builder
	b.WriteString("insert into " + w.name(t) + " (" + names(t) + ") values ")
	for n := range values {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%len(t.Columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString(w.Dialect.Parameter(n + 1))
	}
	b.WriteString(")")
	return b.String()
}

func separated(n int) string {
	if n == 0 {
		return ""
	}
	return ", "
}

// argument is a value as a driver takes it. Not every system has text with a zero byte, or text of any length.
func (w *Writer) argument(v warehouse.Value) any {
	switch v := v.(type) {
	case string:
		return Fitting(v, w.Dialect.MostText)
	case time.Time:
		return v.UTC()
	}
	return v
}

// Fitting is text without zero bytes, cut to at most so many bytes; 0 cuts nothing.
func Fitting(text string, most int) string {
	text = strings.ReplaceAll(text, "\x00", "\uFFFD")
	if most > 0 && len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

// Close closes the connections.
func (w *Writer) Close() error { return w.DB.Close() }
