package intercom

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// companies makes or changes companies by their company_id. Whatever must not make one looks it up first.
func (j *job) companies(ctx context.Context) error {
	if j.batch.Op == destinations.Upsert {
		return j.step(ctx, j.all(), func(r destinations.Record) (httpapi.Request, error) {
			text, err := body(r, "")
			return httpapi.Request{Path: "/companies", Body: text}, err
		})
	}
	var places []int
	for i, r := range j.batch.Records {
		id, err := j.company(ctx, r.ID)
		if err != nil {
			if err := j.unlooked([]int{i}, err); err != nil {
				return err
			}
			continue
		}
		j.ids[r.Key] = id
		places = append(places, i)
	}
	return j.step(ctx, j.found(places), func(r destinations.Record) (httpapi.Request, error) {
		request := httpapi.Request{Method: http.MethodDelete, Path: "/companies/" + url.PathEscape(j.ids[r.Key]), Route: "/companies/{id}"}
		if j.batch.Op == destinations.Delete {
			request.Fine = gone
			return request, nil
		}
		text, err := body(r, companyID) // which cannot be changed
		request.Method, request.Body = http.MethodPut, text
		return request, err
	})
}

// company is Intercom's own id of a company, empty where it has none. It answers with the company or, as its document
// has it, with a list.
func (j *job) company(ctx context.Context, id string) (string, error) {
	a, err := j.client.Do(ctx, httpapi.Request{
		Method: http.MethodGet, Path: "/companies", Query: url.Values{companyID: {id}},
		Fine: []int{http.StatusNotFound}, Attempts: j.batch.Attempts, Meter: j.batch.Meter,
	})
	if err != nil || a.Status == http.StatusNotFound {
		return "", err
	}
	type company struct {
		ID        string `json:"id"`
		CompanyID string `json:"company_id"`
	}
	var reply struct {
		company
		Data []company `json:"data"`
	}
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return "", errors.New("the answer of Intercom to a search for a company is not the JSON that was expected")
	}
	for _, c := range append(reply.Data, reply.company) {
		if c.CompanyID == id {
			return c.ID, nil
		}
	}
	return "", nil
}
