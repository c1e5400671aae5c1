// Package destinations says what a service must do so that records can be delivered to it.
//
// It is a leaf: it knows nothing of warehouses, mappings or snapshots. Each service has a package of its own
// below this one, and package destinationtest is the suite that all of them pass.
package destinations

import (
	"context"
	"fmt"
)

// Destination is one account of one service. Syncs that deliver to the same account share one Destination, and
// with it one rate limit (invariant 7). Its methods may be called from several goroutines.
type Destination interface {
	// Check proves that the account can be reached and that the credentials suffice, without sending a record.
	Check(ctx context.Context) error

	// Objects lists what records can be delivered to. One named "*" stands for every other name.
	Objects(ctx context.Context) ([]Object, error)

	// Fields lists the fields of object as the account has them now; its error wraps ErrNoObject if there is none.
	Fields(ctx context.Context, object string) ([]Field, error)

	// Write delivers the records of b.
	//
	// A nil error means one result a record, in the order of the records. An error with nil results means that
	// nothing is known of any record. An error with results means that no further batch should be sent, but
	// these outcomes stand. A record whose result is the zero Result is Unknown: it may have been applied.
	//
	// The caller guarantees a batch that is not empty and within the object's limits, one operation that the
	// object has, no identifier twice, and values that conform to the types of the fields.
	Write(ctx context.Context, b Batch) ([]Result, error)

	Close() error
}

// Op is what is done with the records of a batch. Its text is the one that is shown and sent.
type Op string

// The operations. Clear sets every mapped field to null and leaves the record in place.
const (
	Upsert  Op = "upsert"
	Update  Op = "update"
	Insert  Op = "insert"
	Clear   Op = "clear"
	Archive Op = "archive"
	Delete  Op = "delete"
)

// Object is a kind of record that a service keeps, such as contacts.
type Object struct {
	Name           string
	Label          string
	Operations     []Op
	Identifiers    []string // fields that can find a record; "*" stands for any field
	FoldIdentifier bool     // identifiers are the same whatever their case, as e-mail addresses are

	MaxBatch    int     // records in one Write, at least 1
	MaxBytes    int     // about how much JSON of records in one Write; 0 is no limit
	Rate        float64 // requests a second that the account allows; 0 is not known
	Concurrency int     // the most writes at once that are of use: they wait for the account's rate; 0 leaves it to the caller

	JSON         bool // takes the fields of a record as JSON too: see Record.JSON
	AnyField     bool // takes fields that Fields does not list
	Nulls        bool // has a null of its own: a null value is sent as such
	Clears       bool // a nil value clears the field; always true where Nulls is
	AppendOnly   bool // has no identifiers: every insert makes a record
	Irreversible []Op // operations that the service cannot undo
}

// Field is a field of an object.
type Field struct {
	Name     string // the service's own name; dotted where its records nest
	Label    string
	Type     FieldType
	Required bool     // a record cannot be created without it
	ReadOnly bool     // computed by the service: cannot be mapped
	Enum     []string // the values it takes, where the service names them
}

// FieldType is the form in which a field takes its values.
type FieldType string

// The forms of values, with the Go types that carry them in a record. Any takes every one of them.
const (
	Any      FieldType = ""
	String   FieldType = "string"   // string
	Number   FieldType = "number"   // json.Number
	Integer  FieldType = "integer"  // json.Number without a fraction
	Boolean  FieldType = "boolean"  // bool
	DateType FieldType = "date"     // Date
	DateTime FieldType = "datetime" // time.Time in UTC
	JSON     FieldType = "json"     // json.RawMessage
	List     FieldType = "list"     // []Value
)

// Value is nil or one of string, bool, json.Number, Date, time.Time, json.RawMessage and []Value. A nil value
// clears the field; a field that is not to be touched is not in the record.
type Value = any

// Date is a day without a time or a zone, as "2026-11-20".
type Date string

// Batch is what one Write delivers.
type Batch struct {
	Sync       string // the sync's name
	Object     string
	Op         Op
	Identifier string // the field that finds a record; empty for objects that only append
	Records    []Record

	Attempts int    // of one request, at least 1
	Meter    *Meter // counts what is sent for this batch's run, and is told of each exchange; may be nil
}

// Record is one record of a batch.
type Record struct {
	Key    string // the model's primary key as text
	ID     string // the value of the identifier
	Fields Fields // none for Archive and Delete

	// JSON may stand for Fields in the records of an object that takes it: the object of JSON that Fields.AppendJSON
	// would write. It is for services that are sent the fields as they are, and spares them a value a field. It holds until
	// Write returns.
	JSON []byte

	// Token is the same whenever this very record is sent again before the service gave its verdict on it, and
	// never otherwise. Idempotency keys are made from it.
	Token string
}

// Fields holds the values of a record in the order of the mapping.
type Fields []FieldValue

// FieldValue is the value of one field.
type FieldValue struct {
	Name  string
	Value Value
}

// Get returns the value of the field called name, and whether the record has that field.
func (f Fields) Get(name string) (Value, bool) {
	for _, v := range f {
		if v.Name == name {
			return v.Value, true
		}
	}
	return nil, false
}

// Result is what a service said of one record.
type Result struct {
	Status   Status
	RemoteID string
	Code     string // short and stable, for grouping: the service's own, or one of ours
	Reason   string // the service's words, for people; may quote a value of the record

	// Doubt says of a Deferred record that it may have been applied all the same, as after a 500. Without it the
	// record was certainly not applied, as after a 429.
	Doubt bool
}

// Status is the fate of one record. The zero Status is Unknown, so that silence never counts as success.
type Status uint8

// The fates of a record.
const (
	Unknown  Status = iota // sent, and no answer came: it may have been applied
	Accepted               // applied
	Rejected               // refused for what it holds: sending the same again would be refused again
	Deferred               // not applied, for a reason that has nothing to do with the record: to be tried again
)

var statusNames = [...]string{"unknown", "accepted", "rejected", "deferred"}

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}
