package intercom

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// tag adds the tags of the records that were accepted to their contacts. Adding one again does no harm; a record that
// could not be tagged is accepted no more.
func (j *job) tag(ctx context.Context) error {
	var pairs []destinations.Record // with the contact's id as key and the tag's as identifier
	var at []int
	for i, r := range j.batch.Records {
		v, _ := r.Fields.Get(tagsField)
		list, _ := v.([]destinations.Value)
		if j.results[i].Status != destinations.Accepted || j.results[i].RemoteID == "" {
			continue
		}
		for _, name := range list {
			text, ok := name.(string)
			if !ok {
				text = strings.Trim(fmt.Sprint(name), `"`)
			}
			if name == nil || text == "" {
				continue
			}
			id, err := j.tagID(ctx, text)
			if err != nil {
				if err := j.untagged(i, err); err != nil {
					return err
				}
				break
			}
			pairs, at = append(pairs, destinations.Record{Key: j.results[i].RemoteID, ID: id}), append(at, i)
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	some := j.batch
	some.Records = pairs
	got, err := httpapi.Each{Request: func(_ destinations.Batch, r destinations.Record) (httpapi.Request, error) {
		text, err := httpapi.Encode(map[string]string{"id": r.ID})
		return httpapi.Request{Path: "/contacts/" + r.Key + "/tags", Route: "/contacts/{id}/tags", Body: text}, err
	}}.Write(ctx, j.client, some)
	for n, r := range got {
		if r.Status != destinations.Accepted {
			j.results[at[n]] = half(j.results[at[n]], r)
		}
	}
	return err
}

// half is the result of a contact that was written, but not tagged.
func half(written, r destinations.Result) destinations.Result {
	r.RemoteID, r.Doubt = written.RemoteID, r.Status == destinations.Deferred
	r.Reason = "written, but not tagged: " + r.Reason
	return r
}

// untagged notes that a tag of the i-th record could not be had. It returns err where that ends the delivery.
func (j *job) untagged(i int, err error) error {
	p, ok := errors.AsType[*httpapi.Problem](err)
	r := destinations.Result{Status: destinations.Deferred, Code: codeLookup, Reason: "the tag could not be looked up"}
	if ok {
		r.Code, r.Reason = p.Code, p.Reason
	}
	if ok && p.Class == httpapi.Refused {
		r.Status = destinations.Rejected
	}
	j.results[i] = half(j.results[i], r)
	if ok && (p.Class == httpapi.Later || p.Class == httpapi.Lost || p.Class == httpapi.Refused) {
		return nil
	}
	return err
}

// tagID is Intercom's id of a tag, which is made if there is none of that name.
func (j *job) tagID(ctx context.Context, name string) (string, error) {
	folded := strings.ToLower(name)
	j.mu.Lock()
	id := j.tags[folded]
	j.mu.Unlock()
	if id != "" {
		return id, nil
	}
	text, err := httpapi.Encode(map[string]string{"name": name})
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"id"`
	}
	err = j.client.Read(ctx, httpapi.Request{Method: "POST", Path: "/tags", Body: text, Attempts: j.batch.Attempts, Meter: j.batch.Meter}, &made)
	if err == nil && made.ID == "" {
		err = errors.New("the answer of Intercom names no tag")
	}
	if err != nil {
		return "", err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tags[folded] = made.ID
	return made.ID, nil
}
