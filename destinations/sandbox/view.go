package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

const (
	shownEdits     = 10   // of one change in a list
	shownValue     = 200  // characters of a value in a list
	shownField     = 4000 // characters of a value on the page of its record
	shownDeletions = 5
)

// view is what a page shows.
type view struct {
	Title  string
	Tab    string // the object shown, "requests", or empty for all
	Tabs   []tab
	Shown  tab // the current one of them
	Path   string
	Host   string
	Search string
	Paged  bool  // not the first page
	Next   int64 // 0 after the last page

	Totals    Totals
	Records   []entry
	Fields    []fieldValue
	Deletions []moment
	Requests  []sentRequest
}

type tab struct {
	Name, Label, Path string
	Count, Archived   int64
	Current           bool
}

// entry is one change of one record.
type entry struct {
	Name     string // what people know the record by
	Aside    string
	Path     string
	Archived bool
	Kind     string
	Edits    []shownEdit
	More     int // edits that are not shown
	Request  int64
	When     when
}

type shownEdit struct {
	Field    string
	Old, New string
	Added    bool // there was no value before
	Removed  bool // there is none any more
}

type fieldValue struct {
	Label, Name, Value string
	Identifier         bool
}

type when struct {
	ISO, Clock, Ago string
}

type moment struct {
	Text string
	When when
}

type sentRequest struct {
	Request
	When    when
	Outcome string // accepted, partial, rejected or refused
	Hidden  int    // rejections that are not shown
}

func newWhen(at, now time.Time) when {
	at = at.UTC()
	ago := "just now"
	if now.Sub(at) >= time.Second {
		ago = humanize.RelTime(at, now, "ago", "from now")
	}
	return when{ISO: at.Format(time.RFC3339), Clock: at.Format("2 Jan 2006, 15:04:05 UTC"), Ago: ago}
}

// newEntry shows the first edits of c, at most so many.
func newEntry(r Record, c Change, most int, now time.Time) entry {
	e := entry{
		Path: fmt.Sprintf("/%s/%d", r.Object, r.ID), Archived: r.Archived,
		Kind: c.Kind, Request: c.Request, When: newWhen(c.At, now),
	}
	e.Name, e.Aside = names(r)
	for i, edit := range c.Edits {
		if i == most {
			e.More = len(c.Edits) - most
			break
		}
		e.Edits = append(e.Edits, shownEdit{
			Field: edit.Field, Added: isNull(edit.Old), Removed: isNull(edit.New),
			Old: cut(plain(edit.Old), shownValue), New: cut(plain(edit.New), shownValue),
		})
	}
	return e
}

// names returns what people know a record by: its identifier, and its name beside it.
func names(r Record) (name, aside string) {
	value := func(field string) string { return strings.TrimSpace(cut(plain(r.Fields[field]), shownValue)) }
	o, _ := findObject(r.Object)
	for _, identifier := range o.identifiers {
		name = cmp.Or(name, value(identifier))
	}
	first := strings.TrimSpace(value("firstname") + " " + value("lastname"))
	aside = cmp.Or(value("full_name"), first, value("name"), value("subject"))
	return cmp.Or(name, fmt.Sprintf("record %d", r.ID)), aside
}

func fieldsOf(o object, r Record) []fieldValue {
	var pairs []fieldValue
	for _, f := range o.fields {
		if raw, ok := r.Fields[f.Name]; ok {
			pairs = append(pairs, fieldValue{
				Label: f.Label, Name: f.Name, Value: cut(display(raw), shownField), Identifier: o.identifiedBy(f.Name),
			})
		}
	}
	return pairs
}

// display is the text of a value with lists written out.
func display(raw json.RawMessage) string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return plain(raw)
	}
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = plain(one)
	}
	return strings.Join(texts, ", ")
}

func (v *view) addTabs(live, archived map[string]int64) {
	all := tab{Label: "All", Path: "/", Current: v.Tab == ""}
	v.Tabs = []tab{all}
	for _, o := range objects {
		v.Tabs = append(v.Tabs, tab{
			Name: o.name, Label: o.label, Path: "/" + o.name,
			Count: live[o.name], Archived: archived[o.name], Current: v.Tab == o.name,
		})
		v.Tabs[0].Count += live[o.name]
		v.Tabs[0].Archived += archived[o.name]
	}
	v.Tabs = append(v.Tabs, tab{
		Label: "Requests", Path: "/requests", Count: v.Totals.Requests, Current: v.Tab == "requests",
	})
	for _, t := range v.Tabs {
		if t.Current {
			v.Shown = t
		}
	}
}

func (v *view) addDeletions(deleted []deletion, now time.Time) {
	for _, d := range deleted {
		v.Deletions = append(v.Deletions, moment{
			Text: fmt.Sprintf("Record %d of %s was deleted by request %d", d.Record, d.Object, d.Request),
			When: newWhen(time.UnixMicro(d.At), now),
		})
	}
}

func (v *view) addRequests(requests []Request, now time.Time) {
	for _, r := range requests {
		s := sentRequest{Request: r, When: newWhen(r.At, now), Hidden: r.Rejected - len(r.Rejections)}
		switch {
		case r.Status >= 300:
			s.Outcome = "refused"
		case r.Rejected == 0:
			s.Outcome = "accepted"
		case r.Accepted == 0:
			s.Outcome = "rejected"
		default:
			s.Outcome = "partial"
		}
		v.Requests = append(v.Requests, s)
	}
}
