package salesforcetest

import (
	"slices"
	"strings"
)

// Field is a field as the org describes it.
type Field struct {
	Name          string   `json:"name"`
	Label         string   `json:"label"`
	Type          string   `json:"type"`
	Nillable      bool     `json:"nillable"`
	Createable    bool     `json:"createable"`
	Updateable    bool     `json:"updateable"`
	Defaulted     bool     `json:"defaultedOnCreate"`
	ExternalID    bool     `json:"externalId"`
	IDLookup      bool     `json:"idLookup"`
	CaseSensitive bool     `json:"caseSensitive"`
	Restricted    bool     `json:"restrictedPicklist"`
	Relationship  string   `json:"relationshipName,omitempty"`
	Parents       []string `json:"referenceTo"`
	Choices       []choice `json:"picklistValues"`
}

type choice struct {
	Value  string `json:"value"`
	Active bool   `json:"active"`
}

func (f Field) required() bool { return f.Createable && !f.Nillable && !f.Defaulted }

// writable is a field that may be empty.
func writable(name, kind string, change ...func(*Field)) Field {
	f := Field{Name: name, Label: strings.TrimSuffix(name, "__c"), Type: kind, Nillable: true, Createable: true, Updateable: true}
	for _, c := range change {
		c(&f)
	}
	return f
}

func external(f *Field)  { f.ExternalID, f.IDLookup = true, true }
func lookup(f *Field)    { f.IDLookup = true }
func mandatory(f *Field) { f.Nillable = false }
func defaulted(f *Field) { f.Nillable, f.Defaulted = false, true }
func computed(f *Field)  { f.Createable, f.Updateable = false, false }

func refers(relationship string, parents ...string) func(*Field) {
	return func(f *Field) { f.Relationship, f.Parents = relationship, parents }
}

func options(values ...string) func(*Field) {
	return func(f *Field) {
		f.Restricted = true
		for _, v := range values {
			name, gone := strings.CutSuffix(v, "!")
			f.Choices = append(f.Choices, choice{Value: name, Active: !gone})
		}
	}
}

var prefixes = map[string]string{"Account": "001", "Contact": "003", "User": "005"}

// objects are those that the org has. A group is one that the user may not see.
var objects = map[string][]Field{
	"Account": {
		writable("Id", "id", computed), writable("Number__c", "string", external), writable("Name", "string", mandatory),
		writable("ParentId", "reference", refers("Parent", "Account")),
	},
	"Contact": {
		writable("Id", "id", computed), writable("Number__c", "string", external), writable("Code__c", "double", external),
		writable("Email", "email", lookup), writable("LastName", "string", mandatory), writable("FirstName", "string"),
		writable("Name", "string", computed), writable("Score__c", "double"), writable("Visits__c", "int"),
		writable("Active__c", "boolean", defaulted), writable("Birthdate", "date"), writable("Seen__c", "datetime"),
		writable("Plan__c", "picklist", options("free", "pro", "old!")), writable("Topics__c", "multipicklist"),
		writable("Notes__c", "textarea"), writable("AccountId", "reference", refers("Account", "Account")),
		writable("OwnerId", "reference", defaulted, refers("Owner", "User", "Group")),
	},
	"User": {writable("Id", "id", computed), writable("Username", "string", mandatory, lookup)},
}

func globals() []object {
	list := []object{{"name": "ContactHistory", "labelPlural": "Contact History"}}
	for _, name := range []string{"Contact", "Account"} {
		list = append(list, object{"name": name, "labelPlural": name + "s", "createable": true, "updateable": true, "deletable": true, "undeletable": true})
	}
	return append(list, object{"name": "CampaignMember", "labelPlural": "Campaign Members", "createable": true, "deletable": true})
}

// known says whether an object has a field, or a relationship, of that name.
func known(of, name string) bool {
	return slices.ContainsFunc(objects[of], func(f Field) bool { return f.Name == name || f.Relationship != "" && f.Relationship == name })
}
