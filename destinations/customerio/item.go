package customerio

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// The fields of an event that are no attributes of it.
const (
	personID    = "person.id"
	personEmail = "person.email"
	eventName   = "name"
	eventTime   = "timestamp"
)

var errNobody = errors.New("an event needs person.id or person.email, and its name")

// item is what the API is told of r.
func (d *destination) item(b destinations.Batch, r destinations.Record) ([]byte, error) {
	if b.Object == events {
		return event(b, r)
	}
	kind, identifiers := "person", destinations.Fields{{Name: b.Identifier, Value: r.ID}}
	if m := objectName.FindStringSubmatch(b.Object); m != nil {
		kind, identifiers = "object", destinations.Fields{{Name: "object_type_id", Value: m[1]}, {Name: "object_id", Value: r.ID}}
	}
	item := destinations.Fields{{Name: "type", Value: kind}, {Name: "action", Value: d.action(b.Op, kind)}}
	var attributes destinations.Fields
	for _, f := range r.Fields {
		if f.Name != b.Identifier {
			attributes = append(attributes, destinations.FieldValue{Name: f.Name, Value: value(f.Value)})
		}
	}
	if (b.Op == destinations.Update || b.Op == destinations.Clear) && kind == "person" {
		attributes = append(attributes, destinations.FieldValue{Name: "_update", Value: true}) // make nobody
	}
	return finish(item, identifiers, attributes, b.Op != destinations.Delete)
}

func (d *destination) action(op destinations.Op, kind string) string {
	switch {
	case op == destinations.Delete && kind == "person" && d.config.Deletion == suppress:
		return suppress
	case op == destinations.Delete:
		return "delete"
	}
	return "identify"
}

// event is an event of the person whom r names by an id or else by an e-mail address.
func event(b destinations.Batch, r destinations.Record) ([]byte, error) {
	var who, attributes destinations.Fields
	item := destinations.Fields{{Name: "type", Value: "person"}, {Name: "action", Value: "event"}}
	at, named := time.Unix(0, 0), false
	for _, f := range r.Fields {
		switch v := f.Value.(type) {
		case nil:
			continue
		case time.Time:
			if f.Name == eventTime {
				at = v
			}
		}
		switch f.Name {
		case personID:
			who = destinations.Fields{{Name: "id", Value: f.Value}}
		case personEmail:
			if who == nil {
				who = destinations.Fields{{Name: "email", Value: f.Value}}
			}
		case eventName, eventTime:
			named = named || f.Name == eventName
			item = append(item, destinations.FieldValue{Name: f.Name, Value: value(f.Value)})
		default:
			attributes = append(attributes, destinations.FieldValue{Name: f.Name, Value: value(f.Value)})
		}
	}
	if who == nil || !named {
		return nil, errNobody
	}
	item = append(item, destinations.FieldValue{Name: "id", Value: eventID(at, httpapi.IdempotencyKey(b, []destinations.Record{r}))})
	return finish(item, who, attributes, true)
}

// finish writes the item with its two members that are objects.
func finish(item, identifiers, attributes destinations.Fields, told bool) ([]byte, error) {
	text, err := item.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	text = append(text[:len(text)-1], `,"identifiers":`...)
	if text, err = identifiers.AppendJSON(text); err != nil {
		return nil, err
	}
	if told {
		text = append(text, `,"attributes":`...)
		if text, err = attributes.AppendJSON(text); err != nil {
			return nil, err
		}
	}
	return append(text, '}'), nil
}

// value is v as an attribute: times are seconds since 1970, and an empty text takes an attribute away.
func value(v destinations.Value) destinations.Value {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return number(v.Unix())
	}
	return v
}

// eventID is the id by which an event that arrives twice is known: its time, and what stands for the record.
func eventID(at time.Time, key string) string {
	var id ulid.ULID
	sum := sha256.Sum256([]byte(key))
	copy(id[:], sum[:])
	if id.SetTime(uint64(max(at.UnixMilli(), 0))) != nil {
		_ = id.SetTime(0) // beyond the year 10889
	}
	return id.String()
}

func number(n int64) destinations.Value { return json.Number(strconv.FormatInt(n, 10)) }
