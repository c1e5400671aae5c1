package mappings

import (
	"strings"
	"testing"
	"time"

	"spillway/destinations"
	"spillway/warehouse"
)

// contacts is an object like a CRM's: no nulls, fields of its own, found by e-mail address.
func contacts() (destinations.Object, []destinations.Field) {
	object := destinations.Object{
		Name:           "contacts",
		Operations:     []destinations.Op{destinations.Upsert, destinations.Update, destinations.Archive},
		Identifiers:    []string{"email", "record_id"},
		FoldIdentifier: true,
		MaxBatch:       100,
	}
	return object, []destinations.Field{
		{Name: "email", Type: destinations.String, Required: true},
		{Name: "record_id", Type: destinations.String, ReadOnly: true},
		{Name: "firstname", Type: destinations.String},
		{Name: "plan", Type: destinations.String, Enum: []string{"Free", "Pro"}},
		{Name: "score", Type: destinations.Number},
		{Name: "signup", Type: destinations.DateType},
		{Name: "created", Type: destinations.DateTime, ReadOnly: true},
		{Name: "anything"},
	}
}

func contactColumns() []warehouse.Column {
	return []warehouse.Column{
		{Name: "CUSTOMER_ID", Type: warehouse.Int},
		{Name: "email", Type: warehouse.String},
		{Name: "first_name", Type: warehouse.String},
		{Name: "plan", Type: warehouse.String},
		{Name: "score", Type: warehouse.Numeric, Native: "numeric(5,2)"},
		{Name: "created_at", Type: warehouse.Time},
		{Name: "attrs", Type: warehouse.JSON, Native: "jsonb"},
		{Name: "City", Type: warehouse.String},
		{Name: "CITY", Type: warehouse.String},
		{Name: "twice", Type: warehouse.String},
		{Name: "twice", Type: warehouse.String},
	}
}

// contactSpec is a Spec that compiles.
func contactSpec() Spec {
	return Spec{
		Sync: "contacts", Destination: "hubspot", Object: "contacts",
		At: "syncs/contacts.toml", Lines: []KeyPlace{{"mode", At("syncs/contacts.toml", 4)}},
		Key: []string{"customer_id"}, Identifier: "email", Mode: destinations.Upsert, OnRemoved: "archive",
		Fields: []Field{
			{Name: "email", Column: "email", At: At("syncs/contacts.toml", 10)},
			{Name: "firstname", Column: "first_name", At: At("syncs/contacts.toml", 11)},
		},
	}
}

func TestAMappingThatIsRightCompiles(t *testing.T) {
	t.Parallel()
	object, fields := contacts()
	s := contactSpec()
	s.Fields = append(
		s.Fields,
		Field{Name: "plan", Column: "plan", Map: map[string]any{"free": "Free", "pro": "Pro"}, Default: "Free", HasDefault: true},
		Field{Name: "score", Column: "score", Type: destinations.Integer, OnNull: Skip},
		Field{Name: "signup", Column: "created_at", When: OnInsert},
		Field{Name: "anything", Column: "attrs"},
	)
	m := compiled(t, s, contactColumns(), object, fields)
	if got := strings.Join(m.FieldNames(), " "); got != "email firstname plan score signup anything" {
		t.Errorf("fields %s", got)
	}
	if problems := Check(s); len(problems) > 0 {
		t.Errorf("by itself: %v", problems)
	}
}

func TestEveryMistakeOfAMappingIsNamedBeforeTheFirstRow(t *testing.T) {
	t.Parallel()
	with := func(f Field) func(*Spec) {
		return func(s *Spec) {
			f.At = At("syncs/contacts.toml", 12)
			s.Fields = append(s.Fields, f)
		}
	}
	for _, tt := range []struct {
		name    string
		change  func(*Spec)
		want    string
		offline bool // Check finds it too
	}{
		{"no key", func(s *Spec) { s.Key = nil }, "key: is missing", true},
		{"an empty key column", func(s *Spec) { s.Key = []string{""} }, "key: holds an empty name", true},
		{"a key column twice", func(s *Spec) { s.Key = []string{"email", "email"} }, "key: names email twice", true},
		{"a key column that is not there", func(s *Spec) { s.Key = []string{"costumer_id"} }, `key: the model has no column "costumer_id"; did you mean "CUSTOMER_ID"?`, false},
		{"no mode", func(s *Spec) { s.Mode = "" }, `mode: "" is none of "upsert", "update", "insert"`, true},
		{"an unknown mode", func(s *Spec) { s.Mode = "upsrt" }, `did you mean "upsert"?`, true},
		{"a mode that is an operation of removals", func(s *Spec) { s.Mode = destinations.Delete }, `mode: "delete" is none of`, true},
		{"a mode that the object has not", func(s *Spec) { s.Mode = destinations.Insert }, `mode: "insert" cannot be done in hubspot contacts, which has: upsert, update, archive`, false},
		{"an unknown on_removed", func(s *Spec) { s.OnRemoved = "drop" }, `on_removed: "drop" is none of`, true},
		{"an on_removed that the object has not", func(s *Spec) { s.OnRemoved = "delete" }, `on_removed: "delete" cannot be done in hubspot contacts`, false},
		{"no identifier", func(s *Spec) { s.Identifier = "" }, "identifier: is missing: hubspot contacts finds a record by one of email, record_id", false},
		{"an identifier that finds nothing", func(s *Spec) { s.Identifier = "firstname" }, `identifier: "firstname" cannot find a record of hubspot contacts; there are: email, record_id`, false},
		{"an identifier that is misspelt", func(s *Spec) { s.Identifier = "e_mail" }, `did you mean "email"?`, false},
		{"an identifier that is not mapped", func(s *Spec) { s.Fields = s.Fields[1:] }, `identifier: "email" is not mapped`, true},
		{"an identifier that is a constant", func(s *Spec) { s.Fields[0] = Field{Name: "email", Value: "x@y.z", HasValue: true} }, "the identifier is a constant", true},
		{"an identifier with a default", func(s *Spec) { s.Fields[0].HasDefault, s.Fields[0].Default = true, "x@y.z" }, "the identifier has a default", true},
		{"an identifier sent once", func(s *Spec) { s.Fields[0].When = OnInsert }, `the identifier has when = "insert"`, true},
		{"an identifier with on_null", func(s *Spec) { s.Fields[0].OnNull = Skip }, "on_null means nothing for the identifier", true},
		{"no fields", func(s *Spec) { s.Fields = nil }, "fields: is empty", true},
		{"a field twice", with(Field{Name: "firstname", Column: "plan"}), "it is mapped twice", true},
		{"a field without a name", with(Field{Column: "plan"}), "the name of the field is empty", true},
		{"a field without a source", with(Field{Name: "anything"}), "it has no source", true},
		{"a field with two sources", with(Field{Name: "anything", Column: "plan", Expr: "plan"}), "more than one source (column, expr)", true},
		{"an unknown field", with(Field{Name: "fistname", Column: "plan"}), `hubspot contacts has no field fistname; did you mean firstname?`, false},
		{"an unknown field like no other", with(Field{Name: "zzzzzz", Column: "plan"}), "there are: anything, email, firstname, plan, score, signup", false},
		{"a field that the destination computes", with(Field{Name: "created", Column: "created_at"}), "computed by the destination", false},
		{"a column that is not there", with(Field{Name: "anything", Column: "pln"}), `the model has no column "pln"; did you mean "plan"?`, false},
		{"a column that could be two", with(Field{Name: "anything", Column: "city"}), "differs from it only in case: City, CITY", false},
		{"a column that is there twice", with(Field{Name: "anything", Column: "twice"}), `more than one column "twice"`, false},
		{"an unknown type", with(Field{Name: "anything", Column: "plan", Type: "sting"}), `did you mean "string"?`, true},
		{"a type that is not the destination's", with(Field{Name: "score", Column: "score", Type: destinations.String}), "the destination's field, which takes number", false},
		{"a column of the wrong type", with(Field{Name: "signup", Column: "score"}), "column score (numeric(5,2)) cannot be sent as date", false},
		{"a document as a number", with(Field{Name: "score", Column: "attrs"}), "take the value out of the document", false},
		{"text as a list", with(Field{Name: "anything", Column: "plan", Type: destinations.List}), `"split(column, ',')"`, false},
		{"a wrong expression", with(Field{Name: "anything", Expr: "first_name +"}), "the expression is wrong", true},
		{"an expression over a column that is not there", with(Field{Name: "anything", Expr: "frist_name"}), `did you mean "first_name"?`, false},
		{"an expression of the wrong type", with(Field{Name: "score", Expr: "email == 'x'"}), "the expression gives true or false, which cannot be sent as number", false},
		{"a constant of the wrong type", with(Field{Name: "score", Value: "high", HasValue: true}), "value: it cannot be sent as number", false},
		{"a constant that its own type cannot hold", with(Field{Name: "anything", Value: "high", HasValue: true, Type: destinations.Integer}), "value: it cannot be sent as integer", true},
		{"a constant that the field does not take", with(Field{Name: "plan", Value: "Gold", HasValue: true}), "value is none of the values that the field takes: Free, Pro", false},
		{"a constant of no type", with(Field{Name: "anything", Value: struct{}{}, HasValue: true}), "cannot be sent", true},
		{"a constant with a map", with(Field{Name: "anything", Value: "x", HasValue: true, Map: map[string]any{"x": "y"}}), "mean nothing beside value", true},
		{"a default of the wrong type", with(Field{Name: "score", Column: "score", Default: "none", HasDefault: true}), "default: it cannot be sent as number", false},
		{"a default that the field does not take", with(Field{Name: "plan", Column: "plan", Default: "free", HasDefault: true}), "default is none of the values", false},
		{"a default with on_null", with(Field{Name: "anything", Column: "plan", Default: "x", HasDefault: true, OnNull: Skip}), "on_null means nothing beside default", true},
		{"an empty map", with(Field{Name: "plan", Column: "plan", Map: map[string]any{}}), "map is empty", true},
		{"a map to what the field does not take", with(Field{Name: "plan", Column: "plan", Map: map[string]any{"pro": "pro"}}), `map: the value for "pro" is none of the values`, false},
		{"a map to the wrong type", with(Field{Name: "score", Column: "plan", Map: map[string]any{"pro": "many"}}), `map: the value for "pro": it cannot be sent as number`, false},
		{"clearing what cannot be cleared", with(Field{Name: "firstname2", Column: "plan", OnNull: ClearField}), "hubspot contacts cannot clear a field", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			object, fields := contacts()
			s := contactSpec()
			tt.change(&s)
			m, problems := Compile(s, contactColumns(), object, fields)
			if m != nil || !holds(problems, tt.want) {
				t.Errorf("compiled: %v\nwant %s", problems, tt.want)
			}
			if tt.offline != holds(Check(s), tt.want) {
				t.Errorf("by itself: %v", Check(s))
			}
			for _, p := range problems {
				if !strings.HasPrefix(p.String(), "syncs/contacts.toml") && p.At != "" {
					t.Errorf("no place: %s", p)
				}
			}
		})
	}
}

func holds(problems []Problem, want string) bool {
	for _, p := range problems {
		if strings.Contains(p.String(), want) {
			return true
		}
	}
	return false
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	object, fields := contacts()
	s := contactSpec()
	s.Key = []string{"nope"}
	s.Mode = "sync"
	s.Fields[1].Column = "frist_name"
	s.Fields[1].Type = "sting"
	_, problems := Compile(s, contactColumns(), object, fields)
	for _, want := range []string{"key: ", "syncs/contacts.toml:4: mode: ", `"frist_name"`, `"sting"`} {
		if !holds(problems, want) {
			t.Errorf("%s is not among %v", want, problems)
		}
	}
}

func TestAColumnThatIsMissingHidesNoOtherMistakeOfItsField(t *testing.T) {
	t.Parallel()
	object, fields := contacts()
	s := contactSpec()
	s.Fields = append(s.Fields, Field{Name: "plan", Column: "pln", Map: map[string]any{"a": "Free", "b": "Proo"}})
	_, problems := Compile(s, contactColumns(), object, fields)
	for _, want := range []string{`no column "pln"`, `map: the value for "b" is none of the values that the field takes: Free, Pro; did you mean Pro?`} {
		if !holds(problems, want) {
			t.Errorf("%s is not among %v", want, problems)
		}
	}
	if len(problems) != 2 {
		t.Errorf("%v", problems)
	}
}

func TestARequiredFieldIsMissedOnlyWhereRecordsAreMade(t *testing.T) {
	t.Parallel()
	object, fields := contacts()
	fields = append(fields, destinations.Field{Name: "owner", Type: destinations.String, Required: true})
	s := contactSpec()
	if _, problems := Compile(s, contactColumns(), object, fields); !holds(problems, "makes no record without the field owner") {
		t.Errorf("upsert: %v", problems)
	}
	s.Mode = destinations.Update
	if m, problems := Compile(s, contactColumns(), object, fields); m == nil {
		t.Errorf("update: %v", problems)
	}
}

func TestAnIdentifierMayBeAFieldThatTheDestinationComputes(t *testing.T) {
	t.Parallel()
	object, fields := contacts()
	s := contactSpec()
	s.Mode, s.Identifier = destinations.Update, "record_id"
	s.Fields[0] = Field{Name: "record_id", Column: "customer_id"}
	m := compiled(t, s, contactColumns(), object, fields)
	var rec Record
	row := warehouse.Row{int64(7), "a@b.c", "Ada", nil, nil, nil, nil, nil, nil, nil, nil}
	if err := m.Render(row, &rec); err != nil || rec.ID != "7" {
		t.Errorf("%v, identifier %q", err, rec.ID)
	}
}

func TestAnIdentifierIsATextANumberOrADate(t *testing.T) {
	t.Parallel()
	for column, able := range map[string]bool{"text": true, "count": true, "price": true, "day": true, "at": true, "flag": false, "doc": false} {
		s := Spec{Key: []string{"id"}, Mode: destinations.Upsert, Identifier: "x", Fields: []Field{{Name: "x", Column: column}}}
		if m, problems := Compile(s, everyColumn(), people(), nil); (m != nil) != able {
			t.Errorf("%s: %v", column, problems)
		}
	}
}

func TestAppendOnlyObjectsTakeInsertsWithoutAnIdentifier(t *testing.T) {
	t.Parallel()
	object := destinations.Object{Name: "events", Operations: []destinations.Op{destinations.Insert}, AnyField: true, AppendOnly: true}
	good := Spec{Key: []string{"id"}, Mode: destinations.Insert, Fields: []Field{{Name: "x", Column: "text"}}}
	compiled(t, good, everyColumn(), object, nil)
	for want, change := range map[string]func(*Spec){
		`mode: "upsert" is not for events`:          func(s *Spec) { s.Mode = destinations.Upsert },
		`identifier: "x" means nothing to events`:   func(s *Spec) { s.Identifier = "x" },
		`on_removed: "delete" cannot be done in`:    func(s *Spec) { s.OnRemoved = "delete" },
		"it is mapped twice":                        func(s *Spec) { s.Fields = append(s.Fields, s.Fields[0]) },
		`the model has no column "nope"; there are`: func(s *Spec) { s.Fields[0].Column = "nope" },
	} {
		s := good
		s.Fields = append([]Field(nil), good.Fields...)
		change(&s)
		if _, problems := Compile(s, everyColumn(), object, nil); !holds(problems, want) {
			t.Errorf("%v\nwant %s", problems, want)
		}
	}
}

func TestWithoutColumnsOnlyWhatNeedsNoneIsChecked(t *testing.T) {
	t.Parallel()
	object, fields := contacts()
	s := contactSpec()
	s.Fields = append(s.Fields, Field{Name: "score", Column: "whatever"}, Field{Name: "anything", Expr: "who_knows + 1"})
	if m, problems := Compile(s, nil, object, fields); m != nil || len(problems) > 0 {
		t.Errorf("%v, %v", m, problems)
	}
	s.Fields[2].Name = "scroe"
	if _, problems := Compile(s, nil, object, fields); !holds(problems, `did you mean score?`) {
		t.Errorf("%v", problems)
	}
}

func TestWithoutTheDestinationsFieldsAnyIsTaken(t *testing.T) {
	t.Parallel()
	object, _ := contacts()
	s := contactSpec()
	s.Fields[1].Name = "whatever"
	compiled(t, s, contactColumns(), object, nil)
	if _, problems := Compile(s, contactColumns(), object, []destinations.Field{}); !holds(problems, "hubspot contacts has no field email; there are: none") {
		t.Errorf("an object of no fields: %v", problems)
	}
}

func TestSettingsAreReadFromTheirWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]OnNull{"send": Send, "skip": Skip, "clear": ClearField} {
		var o OnNull
		if err := o.UnmarshalText([]byte(word)); err != nil || o != want {
			t.Errorf("%s: %v, %v", word, o, err)
		}
	}
	for word, want := range map[string]When{"always": Always, "insert": OnInsert} {
		var w When
		if err := w.UnmarshalText([]byte(word)); err != nil || w != want {
			t.Errorf("%s: %v, %v", word, w, err)
		}
	}
	var o OnNull
	if err := o.UnmarshalText([]byte("skp")); err == nil || err.Error() != `on_null = "skp" is none of "send", "skip", "clear"; did you mean "skip"?` {
		t.Error(err)
	}
	var w When
	if err := w.UnmarshalText([]byte("")); err == nil || err.Error() != `when = "" is none of "always", "insert"` {
		t.Error(err)
	}
}

func TestConstantsKeepTheTypesOfTheFile(t *testing.T) {
	t.Parallel()
	local := func(name string) *time.Location { return time.FixedZone(name, 7200) }
	at := func(zone *time.Location) time.Time { return time.Date(2026, 11, 20, 8, 30, 0, 0, zone) }
	for _, tt := range []struct {
		name  string
		value any
		to    destinations.FieldType
		want  string
	}{
		{"text", "x", "", `"x"`},
		{"text for a document is its text", "x", destinations.JSON, `"x"`},
		{"an integer", int64(9007199254740993), "", "9007199254740993"},
		{"an integer as text", int64(5), destinations.String, `"5"`},
		{"a float", 0.1, "", "0.1"},
		{"a truth value", true, "", "true"},
		{"a time with a zone", at(time.FixedZone("", 3600)), "", `"2026-11-20T07:30:00Z"`},
		{"a local time with a day is taken as UTC", at(local("datetime-local")), "", `"2026-11-20T08:30:00Z"`},
		{"a local day", at(local("date-local")), "", `"2026-11-20"`},
		{"a local time of day is text", at(local("time-local")), "", `"08:30:00"`},
		{"a list", []any{"a", int64(1), []any{true}}, "", `["a",1,[true]]`},
		{"a list as a document", []any{"a", 0.5}, destinations.JSON, `["a",0.5]`},
		{"a table", map[string]any{"b": int64(1), "a": []any{at(local("date-local"))}}, "", `{"a":["2026-11-20"],"b":1}`},
		{"an array of tables", []map[string]any{{"a": int64(1)}}, "", `[{"a":1}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := constant(tt.value, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			got, err := destinations.Fields{{Name: "x", Value: v}}.MarshalJSON()
			if err != nil || string(got) != `{"x":`+tt.want+`}` {
				t.Errorf("%s, %v, want %s", got, err, tt.want)
			}
		})
	}
}
