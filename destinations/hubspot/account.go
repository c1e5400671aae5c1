package hubspot

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

// Check asks whose account the token belongs to, and logs it. It tries to read a record of each object, and logs those
// that the token has no scope for; without a single one it is of no use.
func (d *destination) Check(ctx context.Context) error {
	var account struct {
		PortalID int64  `json:"portalId"`
		Type     string `json:"accountType"`
		Region   string `json:"dataHostingLocation"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/account-info/" + d.version + "/details"}, &account); err != nil {
		return err
	}
	if account.PortalID == 0 {
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not HubSpot's API", Hint: "check base_url",
		}
	}
	d.Reach(fmt.Sprintf("portal %d", account.PortalID))
	d.log.InfoContext(ctx, "reached HubSpot",
		slog.Int64("portal", account.PortalID), slog.String("account", account.Type), slog.String("region", account.Region))
	var missing []string
	for _, k := range kinds {
		r := httpapi.Request{
			Method: http.MethodGet, Path: "/crm/objects/" + d.version + "/" + k.name, Query: url.Values{"limit": {"1"}},
			Fine: []int{http.StatusForbidden},
		}
		a, err := d.client.Do(ctx, r)
		if err != nil {
			return fmt.Errorf("read a record of %s: %w", k.name, err)
		}
		if a.Status == http.StatusForbidden {
			missing = append(missing, "crm.objects."+k.name+".read")
		}
	}
	if len(missing) == len(kinds) {
		return &destinations.Error{
			Kind: destinations.ErrAuth, Message: "the token may read none of HubSpot's objects",
			Hint: "give it scopes such as " + missing[0] + " and .write",
		}
	}
	if len(missing) > 0 {
		d.log.WarnContext(ctx, "the token lacks scopes for some objects", slog.String("missing", strings.Join(missing, " ")))
	}
	return nil
}

// kinds lists the objects of the account, as it had them ten minutes ago at most. Those of its own are left out where
// the token may not list them.
func (d *destination) kinds(ctx context.Context) ([]kind, error) {
	customs, err := d.customs.Get("", func() ([]kind, error) { return d.listCustoms(ctx) })
	if err != nil {
		return nil, err
	}
	return slices.Concat(kinds, customs), nil
}

func (d *destination) listCustoms(ctx context.Context) ([]kind, error) {
	var reply struct {
		Results []struct {
			Name   string `json:"fullyQualifiedName"` // p4242_cars: the portal's number and the object's name
			Type   string `json:"objectTypeId"`       // 2-123
			Labels struct {
				Plural string `json:"plural"`
			} `json:"labels"`
		} `json:"results"`
	}
	r := httpapi.Request{Path: "/crm-object-schemas/" + d.version + "/schemas", Fine: []int{http.StatusForbidden}}
	if err := d.client.Read(ctx, r, &reply); err != nil {
		return nil, fmt.Errorf("list the account's custom objects: %w", err)
	}
	var customs []kind
	for _, o := range reply.Results {
		k := kind{name: o.Name, label: o.Labels.Plural}
		if k.name == "" {
			k.name = o.Type
		}
		if k.label == "" {
			k.label = k.name
		}
		if k.name != "" {
			customs = append(customs, k)
		}
	}
	return customs, nil
}

// kind finds an object by its name. Those that every account has cost no request.
func (d *destination) kind(ctx context.Context, name string) (kind, error) {
	called := func(k kind) bool { return k.name == name }
	if i := slices.IndexFunc(kinds, called); i >= 0 {
		return kinds[i], nil
	}
	all, err := d.kinds(ctx)
	if err != nil {
		return kind{}, err
	}
	if i := slices.IndexFunc(all, called); i >= 0 {
		return all[i], nil
	}
	names := make([]string, len(all))
	for i, k := range all {
		names[i] = k.name
	}
	return kind{}, &destinations.Error{
		Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", name),
		Hint: "there are " + strings.Join(names, ", ") + "; custom objects are seen with the scope crm.schemas.custom.read",
	}
}

// Objects names the unique properties of those objects whose fields were listed before.
func (d *destination) Objects(ctx context.Context) ([]destinations.Object, error) {
	all, err := d.kinds(ctx)
	if err != nil {
		return nil, err
	}
	objects := make([]destinations.Object, len(all))
	for i, k := range all {
		s, known := d.schemas.Last(k.name)
		if !known || s.closed {
			s.identifiers = append(slices.Clone(k.identifiers), "*")
		}
		objects[i] = k.object(d.pace.known(), s.identifiers)
	}
	return objects, nil
}
