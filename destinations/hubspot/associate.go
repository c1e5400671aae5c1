package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	linkPrefix    = "associations."
	codeNoPartner = "association_not_found"
)

// link is a field that associates a record with one or several of another object, found by one of their unique
// properties: associations.companies.external_id. HubSpot's default association is added; none is taken away.
type link struct{ object, identifier string }

func (l link) name() string { return linkPrefix + l.object + "." + l.identifier }

func (l link) field(label string) destinations.Field {
	return destinations.Field{Name: l.name(), Label: label + " by " + l.identifier, Type: destinations.Any}
}

func parseLink(name string) (link, bool) {
	rest, ok := strings.CutPrefix(name, linkPrefix)
	object, identifier, whole := strings.Cut(rest, ".")
	return link{object, identifier}, ok && whole
}

// partners are the values that a record has in a link.
type partners struct {
	link link
	of   [][]string // by the record's place
}

// unlink takes the links off the records of b.
func unlink(b destinations.Batch) (destinations.Batch, []partners) {
	var links []partners
	plain := b
	plain.Records = slices.Clone(b.Records)
	for i, r := range b.Records {
		isLink := func(f destinations.FieldValue) bool { _, ok := parseLink(f.Name); return ok }
		if !slices.ContainsFunc(r.Fields, isLink) {
			continue
		}
		plain.Records[i].Fields = slices.DeleteFunc(slices.Clone(r.Fields), isLink)
		for _, f := range r.Fields {
			if l, ok := parseLink(f.Name); ok {
				at := slices.IndexFunc(links, func(p partners) bool { return p.link == l })
				if at < 0 {
					at, links = len(links), append(links, partners{link: l, of: make([][]string, len(b.Records))})
				}
				links[at].of[i] = values(f.Value)
			}
		}
	}
	return plain, links
}

// values are the texts of v that are not empty, each once.
func values(v destinations.Value) []string {
	list, ok := v.([]destinations.Value)
	if !ok {
		list = []destinations.Value{v}
	}
	var texts []string
	for _, each := range list {
		if t := text(each); t != "" && !slices.Contains(texts, t) {
			texts = append(texts, t)
		}
	}
	return texts
}

// linked delivers b and associates its records. The partners are found first, so that a record whose partner is not
// there is not written at all. An association may be made twice without harm.
func (d *destination) linked(ctx context.Context, b destinations.Batch, links []partners) ([]destinations.Result, error) {
	if b.Op == destinations.Insert {
		return notSent(b), &destinations.Error{
			Kind: destinations.ErrConfig, Message: "records that are only inserted cannot be associated, as doing so again would make them twice",
			Hint: "write mode = \"upsert\", or leave the fields " + linkPrefix + "… out",
		}
	}
	results := notSent(b)
	ids := make([]map[string]destinations.Result, len(links))
	for n, l := range links {
		var err error
		if ids[n], err = d.partners(ctx, b, l); err != nil {
			return results, err
		}
	}
	ready := b
	ready.Records = nil
	var at []int
	for i, r := range b.Records {
		if missing, ok := unpartnered(links, ids, i); ok {
			results[i] = missing
			continue
		}
		ready.Records, at = append(ready.Records, r), append(at, i)
	}
	if len(at) == 0 {
		return results, nil
	}
	wrote, err := d.write(ctx, ready)
	for n, r := range wrote {
		results[at[n]] = r
	}
	for n, l := range links {
		if err != nil {
			break
		}
		err = d.associate(ctx, b, l, ids[n], results)
	}
	return results, err
}

// partners finds the records that l names, by HubSpot's ids.
func (d *destination) partners(ctx context.Context, b destinations.Batch, l partners) (map[string]destinations.Result, error) {
	k, err := d.kind(ctx, l.link.object)
	if err != nil {
		return nil, err
	}
	find := destinations.Batch{Sync: b.Sync, Object: k.name, Op: destinations.Update, Identifier: l.link.identifier, Attempts: b.Attempts, Meter: b.Meter}
	if err := d.identifies(ctx, k, find); err != nil {
		return nil, err
	}
	ids := map[string]destinations.Result{}
	var wanted []destinations.Record
	for _, texts := range l.of {
		for _, t := range texts {
			if _, known := ids[t]; !known {
				ids[t] = destinations.Result{}
				wanted = append(wanted, destinations.Record{ID: t})
			}
		}
	}
	for some := range slices.Chunk(wanted, maxBatch) {
		find.Records = some
		found, err := d.look(ctx, find)
		if err != nil {
			return nil, err
		}
		for i, r := range found {
			ids[some[i].ID] = r
		}
	}
	return ids, nil
}

// unpartnered is the result of the i-th record where one of its partners was not found.
func unpartnered(links []partners, ids []map[string]destinations.Result, i int) (destinations.Result, bool) {
	for n, l := range links {
		for _, t := range l.of[i] {
			switch r := ids[n][t]; {
			case r.Status == destinations.Accepted:
			case r.Code == codeAbsent:
				return destinations.Result{
					Status: destinations.Rejected, Code: codeNoPartner,
					Reason: fmt.Sprintf("not written: %s has no record whose %s is %s", l.link.object, l.link.identifier, t),
				}, true
			default:
				r.RemoteID = ""
				return r, true
			}
		}
	}
	return destinations.Result{}, false
}

// associate links the accepted records of results with their partners. A record that could not be linked is accepted
// no more.
func (d *destination) associate(
	ctx context.Context, b destinations.Batch, l partners, ids map[string]destinations.Result, results []destinations.Result,
) error {
	pairs := b
	pairs.Records = nil
	var at []int
	for i, r := range results {
		if r.Status != destinations.Accepted || r.RemoteID == "" {
			continue
		}
		for _, t := range l.of[i] {
			pairs.Records, at = append(pairs.Records, destinations.Record{Key: r.RemoteID, ID: ids[t].RemoteID}), append(at, i)
		}
	}
	for first := 0; first < len(at); first += maxBatch {
		some := pairs
		some.Records = pairs.Records[first:min(first+maxBatch, len(at))]
		made, err := httpapi.Bulk{Request: d.associateRequest(l.link), Decode: decodeAssociated}.Write(ctx, d.client, some)
		for n, r := range made {
			if i := at[first+n]; r.Status != destinations.Accepted {
				r.RemoteID, r.Doubt = results[i].RemoteID, r.Status == destinations.Deferred
				r.Reason = "written, but not associated: " + r.Reason
				results[i] = r
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *destination) associateRequest(l link) func(destinations.Batch) (httpapi.Request, error) {
	type side struct {
		ID string `json:"id"`
	}
	type pair struct {
		From side `json:"from"`
		To   side `json:"to"`
	}
	return func(b destinations.Batch) (httpapi.Request, error) {
		inputs := make([]pair, len(b.Records))
		for i, r := range b.Records {
			inputs[i] = pair{From: side{r.Key}, To: side{r.ID}}
		}
		body, err := httpapi.Encode(map[string]any{"inputs": inputs})
		path := "/crm/associations/" + d.version + "/" + b.Object + "/" + l.object + "/batch/associate/default"
		return httpapi.Request{Path: path, Body: body}, err
	}
}

// decodeAssociated accepts the pairs that the answer names. HubSpot says of a fault only in words which pair it is of.
func decodeAssociated(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	var reply answer
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return nil, fmt.Errorf("HubSpot's answer is not the JSON that was expected: %w", err)
	}
	made := map[[2]string]bool{}
	for _, raw := range reply.Results {
		var pair struct{ From, To struct{ ID string } }
		if json.Unmarshal(raw, &pair) == nil {
			made[[2]string{pair.From.ID, pair.To.ID}] = true
		}
	}
	otherwise := reply.silence()
	for _, raw := range reply.Errors {
		var f failure
		if json.Unmarshal(raw, &f) == nil && f.Message != "" {
			otherwise = f.result()
			break
		}
	}
	results := make([]destinations.Result, len(b.Records))
	for i, r := range b.Records {
		results[i] = otherwise
		if made[[2]string{r.Key, r.ID}] {
			results[i] = destinations.Result{Status: destinations.Accepted}
		}
	}
	return results, nil
}
