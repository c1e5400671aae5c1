package intercom

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const email = "email"

// contact is one as a search finds it.
type contact struct {
	ID         string `json:"id"`
	Role       string `json:"role"`
	Email      string `json:"email"`
	ExternalID string `json:"external_id"`
}

func (c contact) identifier(field string) string {
	if field == email {
		return c.Email
	}
	return c.ExternalID
}

func (j *job) contacts(ctx context.Context) error {
	places := j.all()
	if j.batch.Op == destinations.Insert {
		if err := j.step(ctx, places, j.create); err != nil {
			return err
		}
		return j.tag(ctx)
	}
	places, err := j.search(ctx, places)
	if err != nil {
		return err
	}
	switch j.batch.Op {
	case destinations.Upsert:
		return j.upsert(ctx, places)
	case destinations.Archive:
		return j.step(ctx, j.found(places), j.request(http.MethodPost, "/archive"))
	case destinations.Delete:
		return j.step(ctx, j.found(places), j.request(http.MethodDelete, ""))
	case destinations.Update, destinations.Clear:
	default:
	}
	if err := j.step(ctx, j.found(places), j.change); err != nil {
		return err
	}
	return j.tag(ctx)
}

// upsert changes the contacts that were found and makes the others. One that is there all the same, as searches lag
// behind, is changed in a second step.
func (j *job) upsert(ctx context.Context, places []int) error {
	err := j.step(ctx, places, func(r destinations.Record) (httpapi.Request, error) {
		if j.ids[r.Key] == "" {
			return j.create(r)
		}
		return j.change(r)
	})
	var there, archived []int
	for _, i := range places {
		key := j.batch.Records[i].Key
		id, isArchived := twin(j.results[i])
		if id == "" || j.ids[key] != "" || err != nil {
			continue // a contact that was changed is not that which stands in its way
		}
		var same bool
		if same, err = j.same(ctx, i, id); !same {
			continue
		}
		j.ids[key] = id
		if there = append(there, i); isArchived {
			archived = append(archived, i)
		}
	}
	if err == nil {
		err = j.step(ctx, archived, j.unarchive)
	}
	if err == nil {
		there = slices.DeleteFunc(there, func(i int) bool {
			return slices.Contains(archived, i) && j.results[i].Status != destinations.Accepted
		})
		err = j.step(ctx, there, j.change)
	}
	if err != nil {
		return err
	}
	return j.tag(ctx)
}

// existing finds the id in the words by which Intercom refuses a contact that is there already. It names it nowhere else.
var existing = regexp.MustCompile(`already exists with id=([0-9a-zA-Z]+)`)

// twin is the contact that r says is there, and whether it is archived.
func twin(r destinations.Result) (id string, archived bool) {
	m := existing.FindStringSubmatch(r.Reason)
	if r.Status != destinations.Rejected || r.Code != codeConflict || m == nil {
		return "", false
	}
	return m[1], strings.Contains(strings.ToLower(r.Reason), "archived")
}

// same says whether the contact called id, which stands in the way of the i-th record, is the one that the record means:
// it is not if it has another identifier of its own, and only its address or the like in common. An archived contact may
// not be shown, and is taken for the same.
func (j *job) same(ctx context.Context, i int, id string) (bool, error) {
	a, err := j.client.Do(ctx, httpapi.Request{
		Method: http.MethodGet, Path: "/contacts/" + url.PathEscape(id), Route: "/contacts/{id}", Fine: gone,
		Attempts: j.batch.Attempts, Meter: j.batch.Meter,
	})
	if err != nil {
		return false, j.unlooked([]int{i}, err)
	}
	var c contact
	if a.Status < 300 {
		if err := json.Unmarshal(a.Body, &c); err != nil {
			return false, j.unlooked([]int{i}, fmt.Errorf("the answer of Intercom is not the JSON that was expected: %w", err))
		}
	}
	own := c.identifier(j.batch.Identifier)
	return own == "" || strings.EqualFold(own, j.batch.Records[i].ID), nil
}

func (j *job) create(r destinations.Record) (httpapi.Request, error) {
	text, err := body(r, "")
	return httpapi.Request{Path: "/contacts", Body: text, Once: j.batch.Op == destinations.Insert}, err
}

func (j *job) unarchive(r destinations.Record) (httpapi.Request, error) {
	return httpapi.Request{Path: "/contacts/" + url.PathEscape(j.ids[r.Key]) + "/unarchive", Route: "/contacts/{id}/unarchive"}, nil
}

func (j *job) change(r destinations.Record) (httpapi.Request, error) {
	left := ""
	if j.batch.Op == destinations.Clear {
		left = j.batch.Identifier // without it the contact is found no more
	}
	text, err := body(r, left)
	return httpapi.Request{Method: http.MethodPut, Path: "/contacts/" + j.ids[r.Key], Route: "/contacts/{id}", Body: text}, err
}

// gone are the statuses by which Intercom says that there is no such record, or no more.
var gone = []int{http.StatusNotFound, http.StatusGone}

// request asks for something to be done with a contact, which need not be there any more.
func (j *job) request(method, what string) func(destinations.Record) (httpapi.Request, error) {
	return func(r destinations.Record) (httpapi.Request, error) {
		return httpapi.Request{
			Method: method, Path: "/contacts/" + url.PathEscape(j.ids[r.Key]) + what, Route: "/contacts/{id}" + what, Fine: gone,
		}, nil
	}
}

// search looks the contacts at places up, all at once, and returns the places of those that may be written. A user goes
// before leads of the same address; of several that are alike none is touched.
func (j *job) search(ctx context.Context, places []int) ([]int, error) {
	identifiers := make([]string, len(j.batch.Records))
	for i, r := range j.batch.Records {
		identifiers[i] = r.ID
	}
	matches, err := j.matches(ctx, identifiers)
	if err != nil {
		return nil, j.unlooked(places, err)
	}
	var clear []int
	for _, i := range places {
		r := j.batch.Records[i]
		alike := matches[strings.ToLower(r.ID)]
		if users := slices.DeleteFunc(slices.Clone(alike), func(c contact) bool { return c.Role != "user" }); len(users) > 0 {
			alike = users
		}
		if len(alike) > 1 {
			j.results[i] = destinations.Result{Status: destinations.Rejected, Code: "ambiguous", Reason: "several contacts have this " + j.batch.Identifier + ", of which none was touched"}
			continue
		}
		if len(alike) == 1 {
			j.ids[r.Key] = alike[0].ID
		}
		clear = append(clear, i)
	}
	return clear, nil
}

// matches are the contacts that have one of identifiers, by it in lower case.
func (j *job) matches(ctx context.Context, identifiers []string) (map[string][]contact, error) {
	found := map[string][]contact{}
	paging := map[string]any{"per_page": 3 * maxBatch}
	for {
		text, err := httpapi.Encode(map[string]any{
			"query":      map[string]any{"field": j.batch.Identifier, "operator": "IN", "value": identifiers},
			"pagination": paging,
		})
		if err != nil {
			return nil, err
		}
		var reply struct {
			Data  []contact `json:"data"`
			Pages struct {
				Next struct {
					After string `json:"starting_after"`
				} `json:"next"`
			} `json:"pages"`
		}
		err = j.client.Read(ctx, httpapi.Request{
			Method: http.MethodPost, Path: "/contacts/search", Body: text, Attempts: j.batch.Attempts, Meter: j.batch.Meter,
		}, &reply)
		if err != nil {
			return nil, err
		}
		for _, c := range reply.Data {
			name := strings.ToLower(c.identifier(j.batch.Identifier))
			found[name] = append(found[name], c)
		}
		if reply.Pages.Next.After == "" || len(reply.Data) == 0 {
			return found, nil
		}
		paging["starting_after"] = reply.Pages.Next.After
	}
}
