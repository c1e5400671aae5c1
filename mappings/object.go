package mappings

import (
	"cmp"
	"slices"
	"strings"

	"spillway/destinations"
)

// checkObject holds the sync to what the destination's object can do.
func (c *compiler) checkObject() {
	o := c.object
	if o.AppendOnly {
		c.checkAppendOnly()
		return
	}
	c.checkOperations()
	switch id := c.spec.Identifier; {
	case id == "" && slices.Contains(o.Identifiers, "*"):
		c.about("identifier", "is missing: name the field by which %s finds a record", c.target())
	case id == "":
		c.about("identifier", "is missing: %s finds a record by one of %s", c.target(), listed(o.Identifiers))
	case !slices.Contains(o.Identifiers, "*") && !slices.Contains(o.Identifiers, id):
		c.about("identifier", "%q cannot find a record of %s; %s", id, c.target(), among(id, o.Identifiers))
	}
}

func (c *compiler) checkAppendOnly() {
	s, name := c.spec, c.target()
	if s.Mode != destinations.Insert {
		c.about("mode", "%q is not for %s, which only takes new records: write mode = \"insert\"", s.Mode, name)
	}
	if s.Identifier != "" {
		c.about("identifier", "%q means nothing to %s, which only takes new records: leave it out", s.Identifier, name)
	}
	if s.OnRemoved != "" && s.OnRemoved != "ignore" {
		c.about("on_removed", "%q cannot be done in %s, which only takes new records: write on_removed = \"ignore\"", s.OnRemoved, name)
	}
}

func (c *compiler) checkOperations() {
	s, o := c.spec, c.object
	var able []string
	for _, op := range o.Operations {
		able = append(able, string(op))
	}
	if !slices.Contains(o.Operations, s.Mode) {
		c.about("mode", "%q cannot be done in %s, which has: %s", s.Mode, c.target(), listed(able))
	}
	if s.OnRemoved != "" && s.OnRemoved != "ignore" && !slices.Contains(able, s.OnRemoved) {
		c.about("on_removed", "%q cannot be done in %s, which has: %s; write \"ignore\" to leave removed records alone",
			s.OnRemoved, c.target(), listed(able))
	}
}

// destinationField returns the destination's field that f is for, and whether it is known.
func (c *compiler) destinationField(f *Field) (destinations.Field, bool) {
	at := slices.IndexFunc(c.known, func(known destinations.Field) bool { return known.Name == f.Name })
	if at < 0 {
		if c.known != nil && !c.object.AnyField {
			c.in(f, "%s has no field %s; %s", c.target(), f.Name, Nearest(f.Name, c.fieldNames()))
		}
		return destinations.Field{}, false
	}
	if c.known[at].ReadOnly && f.Name != c.spec.Identifier {
		c.in(f, "it is computed by the destination and cannot be written: leave it out")
	}
	return c.known[at], true
}

func (c *compiler) fieldNames() []string {
	var names []string
	for _, f := range c.known {
		if !f.ReadOnly {
			names = append(names, f.Name)
		}
	}
	return names
}

// checkRequired holds syncs that may make records to the fields without which the destination makes none.
func (c *compiler) checkRequired() {
	if c.spec.Mode == destinations.Update {
		return
	}
	for _, known := range c.known {
		if known.Required && !slices.ContainsFunc(c.spec.Fields, func(f Field) bool { return f.Name == known.Name }) {
			c.about("fields", "%s makes no record without the field %s: add it, or write mode = \"update\"", c.target(), known.Name)
		}
	}
}

// nullRule is what becomes of nulls in a field.
type nullRule uint8

const (
	sendNull nullRule = iota // a nil value, which the destination stores or clears by
	leaveOut
)

func (c *compiler) nullRule(f *Field) nullRule {
	switch f.OnNull {
	case Skip:
		return leaveOut
	case ClearField:
		if !c.object.Nulls && !c.object.Clears {
			c.in(f, "on_null = \"clear\": %s cannot clear a field; write \"skip\" to leave it as it is", c.target())
		}
		return sendNull
	default:
		if c.object.Nulls {
			return sendNull
		}
		return leaveOut
	}
}

// target names the object for people: "hubspot contacts".
func (c *compiler) target() string {
	return strings.TrimSpace(c.spec.Destination + " " + cmp.Or(c.spec.Object, c.object.Name))
}
