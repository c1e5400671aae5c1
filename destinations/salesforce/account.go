package salesforce

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Check asks which org the credentials are of, and logs it. The user must be able to write some object of it.
func (d *destination) Check(ctx context.Context) error {
	var resources struct {
		Identity string `json:"identity"` // https://login.salesforce.com/id/00D…/005…
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: d.root}, &resources); err != nil {
		return err
	}
	parts := strings.Split(resources.Identity, "/")
	if len(parts) < 3 {
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not Salesforce's API", Hint: "check base_url",
		}
	}
	globals, err := d.global(ctx)
	if err != nil {
		return fmt.Errorf("list the org's objects: %w", err)
	}
	if len(globals) == 0 {
		return &destinations.Error{
			Kind: destinations.ErrAuth, Message: "the user may write none of the org's objects",
			Hint: "give it a permission set with create, edit and, where records are removed, delete on the objects of your syncs",
		}
	}
	org := "org " + parts[len(parts)-2]
	name := []any{slog.String("org", parts[len(parts)-2]), slog.String("user", parts[len(parts)-1]), slog.Int("objects", len(globals))}
	var organization struct {
		Records []struct {
			Name    string `json:"Name"`
			Edition string `json:"OrganizationType"`
			Sandbox bool   `json:"IsSandbox"`
		} `json:"records"`
	}
	query := url.Values{"q": {"SELECT Name, OrganizationType, IsSandbox FROM Organization"}}
	a, err := d.client.Do(ctx, httpapi.Request{
		Method: http.MethodGet, Path: d.root + "/query", Query: query, Fine: []int{http.StatusBadRequest, http.StatusForbidden},
	})
	if err != nil {
		return fmt.Errorf("read the org's name: %w", err)
	}
	if decode(a.Body, &organization) == nil && len(organization.Records) == 1 { // not every user may read it
		o := organization.Records[0]
		if org = o.Name + ", " + org; o.Sandbox {
			org += ", a sandbox"
		}
		name = append(name, slog.String("name", o.Name), slog.String("edition", o.Edition), slog.Bool("sandbox", o.Sandbox))
	}
	d.Reach(org)
	d.log.InfoContext(ctx, "reached Salesforce", name...)
	return nil
}

// global is an object of the org, and what the user may do with its records.
type global struct {
	Name        string `json:"name"`
	Label       string `json:"labelPlural"`
	Createable  bool   `json:"createable"`
	Updateable  bool   `json:"updateable"`
	Deletable   bool   `json:"deletable"`
	Undeletable bool   `json:"undeletable"`
	Hidden      bool   `json:"deprecatedAndHidden"`
}

func (g global) operations() []destinations.Op {
	var ops []destinations.Op
	for _, o := range []struct {
		op  destinations.Op
		may bool
	}{
		{destinations.Upsert, g.Createable && g.Updateable},
		{destinations.Update, g.Updateable},
		{destinations.Insert, g.Createable},
		{destinations.Clear, g.Updateable},
		{destinations.Delete, g.Deletable},
	} {
		if o.may {
			ops = append(ops, o.op)
		}
	}
	return ops
}

// object describes g. Identifiers match whatever their case, as Salesforce has it for external ids unless they are
// declared case-sensitive; taking two of those for one does no harm, and taking one for two might remove a record.
func (d *destination) object(g global) destinations.Object {
	o := destinations.Object{
		Name: g.Name, Label: g.Label, Operations: g.operations(), Identifiers: []string{"*"}, FoldIdentifier: true,
		MaxBatch: maxBatch, MaxBytes: maxBytes, Rate: d.rate.PerSecond(), Concurrency: connections, Nulls: true, Clears: true,
	}
	if d.jobAbove >= 0 {
		o.MaxBatch, o.Concurrency = maxJob, 2
	}
	if g.Deletable && !g.Undeletable {
		o.Irreversible = []destinations.Op{destinations.Delete}
	}
	if s, ok := d.schemas.Last(g.Name); ok {
		o.Identifiers = s.identifiers
	}
	return o
}

// Objects names the external ids of those objects whose fields were listed before.
func (d *destination) Objects(ctx context.Context) ([]destinations.Object, error) {
	globals, err := d.global(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the org's objects: %w", err)
	}
	objects := make([]destinations.Object, len(globals))
	for i, g := range globals {
		objects[i] = d.object(g)
	}
	return objects, nil
}

// global lists the objects that the user may write, as they were ten minutes ago at most.
func (d *destination) global(ctx context.Context) ([]global, error) {
	return d.globals.Get("", func() ([]global, error) { return d.listGlobal(ctx) })
}

func (d *destination) listGlobal(ctx context.Context) ([]global, error) {
	var reply struct {
		Objects []global `json:"sobjects"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: d.root + "/sobjects"}, &reply); err != nil {
		return nil, err
	}
	globals := slices.DeleteFunc(reply.Objects, func(g global) bool { return g.Hidden || g.Name == "" || len(g.operations()) == 0 })
	slices.SortFunc(globals, func(a, b global) int { return strings.Compare(a.Name, b.Name) })
	for i := range globals {
		if globals[i].Label == "" {
			globals[i].Label = globals[i].Name
		}
	}
	return globals, nil
}
