package mailchimp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// bulk makes members, and changes those that are there if existing says so, all in one request.
func (j *job) bulk(existing bool) httpapi.Bulk {
	return httpapi.Bulk{
		Request: func(b destinations.Batch) (httpapi.Request, error) {
			texts := make([][]byte, len(b.Records))
			for i, r := range b.Records {
				if !existing && !states(r) {
					r = asNew(r)
				}
				var err error
				if texts[i], err = body(r, j.birthdays); err != nil {
					return httpapi.Request{}, err
				}
			}
			text := append([]byte(`{"members":[`), bytes.Join(texts, []byte{','})...)
			text = append(text, `],"sync_tags":false,"update_existing":`+strconv.FormatBool(existing)+`}`...)
			return httpapi.Request{Path: j.path, Query: j.query(), Body: text, Once: !existing}, nil
		},
		Decode: decodeBatch,
	}
}

// asNew is r with the consent of a new member as its consent, for a request that makes members only.
func asNew(r destinations.Record) destinations.Record {
	r.Fields = slices.DeleteFunc(slices.Clone(r.Fields), func(f destinations.FieldValue) bool { return f.Name == status })
	if i := slices.IndexFunc(r.Fields, func(f destinations.FieldValue) bool { return f.Name == statusIfNew }); i >= 0 {
		r.Fields[i].Name = status
	}
	return r
}

func (j *job) query() url.Values {
	if j.config.SkipRequired {
		return url.Values{"skip_merge_validation": {"true"}}
	}
	return nil
}

type written struct {
	ID      string `json:"id"`
	Address string `json:"email_address"`
}

type refused struct {
	Address      string `json:"email_address"`
	Error        string `json:"error"`
	Code         string `json:"error_code"`
	Field        string `json:"field"`
	FieldMessage string `json:"field_message"`
}

func (r refused) result() destinations.Result {
	out := destinations.Result{Status: destinations.Rejected, Code: r.Code, Reason: r.Error}
	if r.FieldMessage != "" && !strings.Contains(r.Error, r.FieldMessage) {
		out.Reason = strings.TrimPrefix(r.Error+"; "+strings.TrimPrefix(r.Field+": "+r.FieldMessage, ": "), "; ")
	}
	if strings.EqualFold(r.Field, status) || strings.Contains(strings.ToLower(r.Error), status) {
		out.Code = codeWantsStatus
	}
	return out
}

// decodeBatch finds the result of each member by its address, whatever its case. What is named as refused is refused,
// and what is not named stays unknown.
func decodeBatch(b destinations.Batch, a httpapi.Answer) ([]destinations.Result, error) {
	var reply struct {
		New     []json.RawMessage `json:"new_members"`
		Updated []json.RawMessage `json:"updated_members"`
		Errors  []json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return nil, fmt.Errorf("the answer of Mailchimp is not the JSON that was expected: %w", err)
	}
	at := make(map[string]int, len(b.Records))
	results := make([]destinations.Result, len(b.Records))
	for i, r := range b.Records {
		at[strings.ToLower(r.ID)] = i
		results[i] = destinations.Result{Code: codeSilent, Reason: "the answer of Mailchimp does not name this member"}
	}
	for _, raw := range append(reply.New, reply.Updated...) {
		var w written
		if json.Unmarshal(raw, &w) != nil {
			continue // it is of no member of ours
		}
		if i, ok := at[strings.ToLower(w.Address)]; ok {
			results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: w.ID}
		}
	}
	for _, raw := range reply.Errors {
		var r refused
		if json.Unmarshal(raw, &r) != nil {
			continue
		}
		if i, ok := at[strings.ToLower(r.Address)]; ok {
			results[i] = r.result()
		}
	}
	return results, nil
}
