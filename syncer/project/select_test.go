package project

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// several is a project of four syncs.
func several(t *testing.T) *Project {
	t.Helper()
	sync := func(replacements ...string) string { return strings.NewReplacer(replacements...).Replace(goodSync) }
	return load(t, map[string]string{
		FileName: goodMain + "[destinations.unused]\ntype = \"http\"\nurl = \"u\"\n[destinations.crm]\ntype = \"http\"\nurl = \"u\"\n" +
			"[warehouses.local]\ntype = \"duckdb\"\n",
		"models/orders.sql":   "select 1",
		"models/unused.sql":   "select 1",
		"syncs/contacts.toml": "tags = [\"crm\", \"daily\"]\n" + goodSync,
		"syncs/orders.toml":   "tags = [\"daily\"]\n" + sync(`"customers"`, `"orders"`, `"hook"`, `"crm"`),
		"syncs/companies.toml": "tags = [\"crm\"]\n" +
			sync(`model = "customers"`, `table = "analytics.companies"`, `"analytics"`, `"local"`),
		"syncs/people.toml": sync(`model = "customers"`, `sql = "select 1"`, `"hook"`, `"crm"`),
	})
}

func TestSyncsAreSelected(t *testing.T) {
	t.Parallel()
	p := several(t)
	for name, tt := range map[string]struct {
		selectors, exclude []string
		want               string
	}{
		"nothing selects all":              {nil, nil, "companies contacts orders people"},
		"a name":                           {[]string{"contacts"}, nil, "contacts"},
		"two names, in whatever order":     {[]string{"orders", "contacts", "orders"}, nil, "contacts orders"},
		"a pattern":                        {[]string{"co*"}, nil, "companies contacts"},
		"a tag":                            {[]string{"tag:crm"}, nil, "companies contacts"},
		"a tag or a name":                  {[]string{"tag:crm", "people"}, nil, "companies contacts people"},
		"a tag and a tag":                  {[]string{"tag:crm,tag:daily"}, nil, "contacts"},
		"a tag and a name, with a blank":   {[]string{"tag:daily, orders"}, nil, "orders"},
		"both that share nothing":          {[]string{"people,tag:crm"}, nil, ""},
		"a destination":                    {[]string{"destination:hook"}, nil, "companies contacts"},
		"a destination that no sync uses":  {[]string{"destination:unused"}, nil, ""},
		"a warehouse":                      {[]string{"warehouse:local"}, nil, "companies"},
		"a model":                          {[]string{"model:customers"}, nil, "contacts"},
		"a model that no sync uses":        {[]string{"model:unused"}, nil, ""},
		"a table":                          {[]string{"model:analytics.companies"}, nil, "companies"},
		"SQL in a sync, by its file":       {[]string{"model:syncs/*"}, nil, "people"},
		"all but a name":                   {nil, []string{"people"}, "companies contacts orders"},
		"a tag but for a pattern":          {[]string{"tag:crm"}, []string{"con*"}, "companies"},
		"what is both wanted and unwanted": {[]string{"people"}, []string{"people"}, ""},
		"all but a tag and a tag":          {nil, []string{"tag:crm,tag:daily"}, "companies orders people"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			selected, err := p.Select(tt.selectors, tt.exclude)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range selected {
				names = append(names, s.Name)
			}
			if diff := cmp.Diff(tt.want, strings.Join(names, " ")); diff != "" {
				t.Errorf("syncs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestASelectorThatNamesNothingIsWrongUsage(t *testing.T) {
	t.Parallel()
	p := several(t)
	for selector, want := range map[string]string{
		"contact":          `selector "contact": there is no such sync; did you mean "contacts"?`,
		"zzzzzzzz":         `selector "zzzzzzzz": there is no such sync; known: companies, contacts, orders, people`,
		"tag:crn":          `selector "tag:crn": there is no such tag; did you mean "crm"?`,
		"tag:":             `selector "tag:": it names nothing`,
		"":                 `selector "": it names nothing`,
		"contacts,":        `selector "": it names nothing`,
		"destination:hok":  `selector "destination:hok": there is no such destination; did you mean "hook"?`,
		"warehouse:x":      `selector "warehouse:x": there is no such warehouse; known: analytics, local`,
		"model:custmers":   `selector "model:custmers": there is no such model; did you mean "customers"?`,
		"dest:hook":        `selector "dest:hook": syncs cannot be selected by "dest"; known: destination, model, tag, warehouse`,
		":contacts":        `selector ":contacts": syncs cannot be selected by ""; known: destination, model, tag, warehouse`,
		"x*":               `selector "x*": there is no such sync; known: companies, contacts, orders, people`,
		"con[":             `selector "con[": its brackets are not closed`,
		"tag:crm,contcats": `selector "contcats": there is no such sync; did you mean "contacts"?`,
	} {
		for _, lists := range [][2][]string{{{selector}, nil}, {nil, {selector}}} {
			_, err := p.Select(lists[0], lists[1])
			if _, ok := errors.AsType[*SelectorError](err); !ok {
				t.Errorf("%q: the error is %v", selector, err)
				continue
			}
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("%q (-want +got):\n%s", selector, diff)
			}
		}
	}
}

func TestASyncIsFoundByItsName(t *testing.T) {
	t.Parallel()
	p := several(t)
	if s, ok := p.Sync("orders"); !ok || s.Name != "orders" {
		t.Errorf("Sync(orders) = %v, %t", s, ok)
	}
	if s, ok := p.Sync("order"); ok {
		t.Errorf("Sync(order) = %v", s)
	}
}
