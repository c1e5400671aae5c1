package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"spillway/warehouse"
	"spillway/warehouse/sqldb"
)

// RedshiftConfig is how an Amazon Redshift cluster or workgroup is reached: a connection string, or its parts.
type RedshiftConfig struct {
	DSN              warehouse.Secret  `toml:"dsn" help:"Connection string, as a URL or in keywords: postgres://user@cluster.example.com:5439/db. Replaces host and the other parts."`
	Host             string            `toml:"host" help:"Endpoint of the cluster or workgroup."`
	Port             int               `toml:"port" default:"5439" help:"Port of the endpoint."`
	User             string            `toml:"user" help:"User to log in as; it needs no more than SELECT."`
	Password         warehouse.Secret  `toml:"password" help:"Password of the user."`
	Database         string            `toml:"database" help:"Database to connect to."`
	SSLMode          string            `toml:"sslmode" enum:"disable,allow,prefer,require,verify-ca,verify-full" help:"How the connection is secured. Default: verify-full, and prefer for a server on this machine."`
	CA               warehouse.Secret  `toml:"ca" help:"PEM text of the authorities that may sign the server's certificate, instead of the system's."`
	StatementTimeout time.Duration     `toml:"statement_timeout" default:"30m" help:"Longest time that a query may run; 0 is unlimited."`
	ConnectTimeout   time.Duration     `toml:"connect_timeout" default:"10s" help:"Longest time that a connection may take to come about."`
	Parameters       map[string]string `toml:"parameters" help:"Session settings of the server, such as search_path or enable_case_sensitive_identifier."`
}

// Redshift describes Amazon Redshift, which speaks PostgreSQL's protocol and an early form of its SQL.
//
// What is other than with PostgreSQL: all values come as text and their types are known by number, for the catalog
// has no arrays, enums or composite types; settings that Redshift lacks are not made; query_group carries sync and
// run; the server says that a result ended, and not how many rows it had; a limit is a LIMIT around the statement, for
// a cursor would gather the whole result on the leader node first.
func Redshift() warehouse.Definition {
	return warehouse.Writing(warehouse.Define(warehouse.Definition{
		Name:  "redshift",
		Title: "Amazon Redshift",
		Docs:  "warehouses/redshift.md",
		Quote: sqldb.Quote,
	}, openRedshift), openRedshiftWriter)
}

func openRedshift(_ context.Context, c RedshiftConfig, env warehouse.Env) (warehouse.Warehouse, error) {
	for name := range c.Parameters {
		if !setting.MatchString(name) {
			return nil, fmt.Errorf("parameters: %q is not the name of a setting", name)
		}
	}
	config := Config(c)
	config.Parameters = nil // Redshift knows few of them when a connection begins; they are set with the transaction
	p, err := newPostgres(config, env)
	if err != nil {
		return nil, err
	}
	p.dialect = redshift{parameters: c.Parameters}
	return p, nil
}

// setting is the name of a session setting.
var setting = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// redshift is the dialect of Amazon Redshift.
type redshift struct {
	parameters map[string]string
}

// opening is sent as one message.
func (r redshift) opening(timeout time.Duration, tag warehouse.Tag) string {
	var b strings.Builder
	b.WriteString("begin transaction isolation level serializable read only")
	set := func(name, value string) { b.WriteString("; set local " + name + " to " + sqldb.Literal(value)) }
	for _, name := range slices.Sorted(maps.Keys(r.parameters)) {
		set(name, r.parameters[name])
	}
	set("query_group", tag.String())
	set("statement_timeout", strconv.FormatInt(timeout.Milliseconds(), 10))
	set("timezone", "UTC")
	set("datestyle", "ISO")
	set("extra_float_digits", "2") // 17 digits, which name every float
	return b.String()
}

// limits is false: a cursor would gather the whole result on the leader node before its first row.
func (redshift) limits() bool { return false }

// complete takes "SELECT", with which the server ends a result after its last row, for the proof; how many there were
// it does not say.
func (redshift) complete(tag pgconn.CommandTag, read int64) bool {
	return tag.String() == "SELECT" || tag.RowsAffected() == read
}

// types finds the codecs without asking the server. All are of the text format.
func (redshift) types(_ context.Context, _ *session, fields []pgconn.FieldDescription) (shape, error) {
	return redshiftShape(fields), nil
}

// Redshift's numbers of the types that PostgreSQL does not have.
const (
	oidSuper     = 4000
	oidVarbyte   = 6551
	oidGeometry  = 3000
	oidGeography = 3001
	oidHLL       = 2935
	oidYears     = 1188
	oidDays      = 1190
)

// redshiftTypes are the names of types by their numbers.
var redshiftTypes = map[uint32]string{
	oidBool: "boolean", oidInt2: "smallint", oidInt4: "integer", oidInt8: "bigint", oidOID: "oid", oidName: "name", oidText: "text",
	oidFloat4: "real", oidFloat8: "double precision", oidNumeric: "numeric", oidBPChar: "character", oidVarchar: "character varying",
	oidDate: "date", oidTime: "time", oidTimeTZ: "time with time zone", oidTimestamp: "timestamp",
	oidTimestampTZ: "timestamp with time zone", oidSuper: "super", oidVarbyte: "varbyte", oidGeometry: "geometry",
	oidGeography: "geography", oidHLL: "hllsketch", oidYears: "interval year to month", oidDays: "interval day to second",
}

// redshiftShape finds the codecs without asking the server. All are of the text format.
func redshiftShape(fields []pgconn.FieldDescription) shape {
	var out shape
	for _, f := range fields {
		c := redshiftCodec(f.DataTypeOID)
		out.columns = append(out.columns, warehouse.Column{Name: f.Name, Type: c.class, Native: redshiftName(f)})
		out.codecs = append(out.codecs, c)
		out.oids = append(out.oids, f.DataTypeOID)
		out.formats = append(out.formats, 0)
	}
	return out
}

func redshiftCodec(oid uint32) codec {
	c, ok := scalar(oid)
	switch {
	case oid == oidSuper:
		c = codec{class: warehouse.JSON, text: textJSON, cell: documentCell}
	case oid == oidVarbyte:
		c = codec{class: warehouse.Bytes, text: textVarbyte}
	case !ok || c.class == warehouse.JSON:
		c = asText
	}
	c.binary, c.form = nil, fmt.Sprintf("redshift %d", oid)
	if c.class != warehouse.String && c.class != warehouse.JSON {
		c.cell = nil // which would be of the binary format
	}
	switch c.class {
	case warehouse.Int:
		c.plain = plainString // the digits
	case warehouse.Bool:
		c.plain = plainFlag
	case warehouse.Day:
		c.plain = plainDay
	case warehouse.String:
		c.plain = plainString
	default:
		c.plain = nil
	}
	return c
}

// redshiftName writes a type with its length or precision, which stand in the modifier with 4 added.
func redshiftName(f pgconn.FieldDescription) string {
	name, ok := redshiftTypes[f.DataTypeOID]
	if !ok {
		return fmt.Sprintf("type %d", f.DataTypeOID)
	}
	size := f.TypeModifier - 4
	switch f.DataTypeOID {
	case oidNumeric:
		if size >= 0 {
			return fmt.Sprintf("%s(%d,%d)", name, size>>16, size&0xffff)
		}
	case oidBPChar, oidVarchar, oidVarbyte:
		if size > 0 {
			return fmt.Sprintf("%s(%d)", name, size)
		}
	}
	return name
}

// textVarbyte reads hexadecimal digits.
func textVarbyte(src []byte) (warehouse.Value, error) {
	b, err := hex.DecodeString(string(src))
	if err != nil {
		return nil, errors.New("a varbyte is not in hex")
	}
	return b, nil
}

func plainFlag(dst, src []byte) ([]byte, bool) {
	switch string(src) {
	case "t":
		return append(dst, "true"...), true
	case "f":
		return append(dst, "false"...), true
	}
	return dst, false
}

// plainDay leaves what is no Date to be unpacked.
func plainDay(dst, src []byte) ([]byte, bool) {
	if len(src) != len(time.DateOnly) || src[4] != '-' {
		return dst, false
	}
	return append(dst, src...), true
}
