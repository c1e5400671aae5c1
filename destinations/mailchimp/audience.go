package mailchimp

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// page is the most that Mailchimp lists in an answer.
const page = "1000"

// list is an audience, as it is called in the app.
type list struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// audiences are those of the account, as it had them ten minutes ago at most.
func (d *destination) audiences(ctx context.Context) ([]list, error) {
	return d.lists.Get("", func() ([]list, error) { return d.listAudiences(ctx) })
}

func (d *destination) listAudiences(ctx context.Context) ([]list, error) {
	var reply struct {
		Lists []list `json:"lists"`
	}
	r := httpapi.Request{Path: "/3.0/lists", Query: url.Values{"count": {page}, "fields": {"lists.id,lists.name"}}}
	if err := d.client.Read(ctx, r, &reply); err != nil {
		return nil, fmt.Errorf("list the audiences: %w", err)
	}
	return reply.Lists, nil
}

// Objects lists the members of each audience, and those of the one that members stands for.
func (d *destination) Objects(ctx context.Context) ([]destinations.Object, error) {
	lists, err := d.audiences(ctx)
	if err != nil {
		return nil, err
	}
	var objects []destinations.Object
	if d.config.Audience != "" || len(lists) == 1 {
		objects = append(objects, object(members, "Members of the audience", d.config.Connections))
	}
	for _, l := range lists {
		objects = append(objects, object(members+"."+l.ID, "Members of "+l.Name, d.config.Connections))
	}
	return objects, nil
}

// audienceID is the id of the audience whose members object is. One that is named costs no request.
func (d *destination) audienceID(ctx context.Context, object string) (string, error) {
	if id, ok := strings.CutPrefix(object, members+"."); ok {
		return id, nil
	}
	if object != members {
		return "", noObject(object, nil)
	}
	if d.config.Audience != "" {
		return d.config.Audience, nil
	}
	lists, _ := d.lists.Last("")
	if len(lists) != 1 {
		var err error
		if lists, err = d.audiences(ctx); err != nil {
			return "", err
		}
	}
	if len(lists) != 1 {
		return "", noObject(object, lists)
	}
	return lists[0].ID, nil
}

// audience is the one whose members object is, which must be there.
func (d *destination) audience(ctx context.Context, object string) (list, error) {
	id, err := d.audienceID(ctx, object)
	if err != nil {
		return list{}, err
	}
	lists, err := d.audiences(ctx)
	if err != nil {
		return list{}, err
	}
	i := slices.IndexFunc(lists, func(l list) bool { return l.ID == id })
	if i < 0 {
		return list{}, noObject(object+" (audience "+id+")", lists)
	}
	return lists[i], nil
}

func noObject(name string, lists []list) error {
	hint := "write members, or members. and the id of an audience"
	if len(lists) > 0 {
		names := make([]string, len(lists))
		for i, l := range lists {
			names[i] = members + "." + l.ID + " for " + l.Name
		}
		hint = "there are " + strings.Join(names, ", ") + "; or set audience to one of these ids"
	}
	return &destinations.Error{Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", name), Hint: hint}
}
