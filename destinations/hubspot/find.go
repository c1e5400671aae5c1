package hubspot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

const (
	codeAbsent    = "not_found"
	codeSecondary = "secondary_email"

	recordID   = "hs_object_id" // HubSpot's own id of a record
	email      = "email"
	secondary  = "hs_additional_emails" // the other addresses of a contact, with semicolons between them
	noSuchCode = "OBJECT_NOT_FOUND"
)

// look finds the records of b by their identifier. An accepted result holds HubSpot's id of the record; one with
// codeAbsent says that there is none. Nothing is changed, so that no result is unknown.
func (d *destination) look(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	results, err := httpapi.Bulk{Request: d.readRequest, Decode: decodeFound}.Write(ctx, d.client, b)
	for i, r := range results {
		if r.Status == destinations.Unknown || r.Doubt {
			results[i].Status, results[i].Doubt = destinations.Deferred, false
		}
	}
	return results, err
}

func (d *destination) readRequest(b destinations.Batch) (httpapi.Request, error) {
	inputs := make([]input, len(b.Records))
	for i := range inputs {
		inputs[i] = idInput(b, i)
	}
	wanted := []string{b.Identifier}
	if b.Identifier == email {
		wanted = append(wanted, secondary)
	}
	read := map[string]any{"inputs": inputs, "properties": wanted, "propertiesWithHistory": []string{}}
	if b.Identifier != recordID {
		read["idProperty"] = b.Identifier
	}
	body, err := httpapi.Encode(read)
	return httpapi.Request{Path: d.path(b.Object, "batch/read"), Body: body}, err
}

// decodeFound reads which records are there. HubSpot finds a contact by its secondary addresses too; such a contact
// is that of another row, or may be, and is left alone.
func decodeFound(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	var reply answer
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return nil, fmt.Errorf("HubSpot's answer is not the JSON that was expected: %w", err)
	}
	missing := reply.missing()
	ids, others := map[string]string{}, map[string]string{}
	for _, raw := range reply.Results {
		var record struct {
			ID         string            `json:"id"`
			Properties map[string]string `json:"properties"`
		}
		if json.Unmarshal(raw, &record) != nil || record.ID == "" {
			continue
		}
		if b.Identifier == recordID {
			ids[record.ID] = record.ID
			continue
		}
		ids[fold(b, record.Properties[b.Identifier])] = record.ID
		if b.Identifier == email {
			for address := range strings.SplitSeq(record.Properties[secondary], ";") {
				others[fold(b, strings.TrimSpace(address))] = record.ID
			}
		}
	}
	results := make([]destinations.Result, len(b.Records))
	for i, r := range b.Records {
		key := fold(b, r.ID)
		if id, ok := ids[key]; ok {
			results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: id}
		} else if id, ok := others[key]; ok {
			results[i] = destinations.Result{
				Status: destinations.Rejected, RemoteID: id, Code: codeSecondary,
				Reason: "this is a secondary address of contact " + id + ", which is left as it is",
			}
		} else {
			results[i] = missing
		}
	}
	return results, nil
}

func fold(b destinations.Batch, id string) string {
	if b.Identifier == email {
		return strings.ToLower(id)
	}
	return id
}

// missing is the result of a record that was not found: absent, unless the answer shows that the search failed.
func (a answer) missing() destinations.Result {
	if a.Status != "COMPLETE" {
		return destinations.Result{Status: destinations.Deferred, Code: "incomplete", Reason: "HubSpot did not finish looking for the record"}
	}
	for _, raw := range a.Errors {
		var f failure
		if json.Unmarshal(raw, &f) == nil && f.Category != noSuchCode && f.Category != "" {
			return destinations.Result{Status: destinations.Deferred, Code: f.code(), Reason: f.reason()}
		}
	}
	return destinations.Result{Status: destinations.Rejected, Code: codeAbsent, Reason: "HubSpot has no such record"}
}
