package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"spillway/destinations"
)

// appendBatch appends the body of a request that delivers b.
func appendBatch(to []byte, b destinations.Batch) ([]byte, error) {
	to = appendHead(to, b)
	to = append(to, `,"records":[`...)
	for i, r := range b.Records {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(to, '{')
		var err error
		if to, err = appendRecord(to, b.Op, r); err != nil {
			return nil, err
		}
		to = append(to, '}')
	}
	return append(to, "]}"...), nil
}

// appendSingle appends the body of a request that delivers r alone.
func appendSingle(to []byte, b destinations.Batch, r destinations.Record) ([]byte, error) {
	to, err := appendRecord(append(appendHead(to, b), ','), b.Op, r)
	if err != nil {
		return nil, err
	}
	return append(to, '}'), nil
}

func appendHead(to []byte, b destinations.Batch) []byte {
	to = destinations.AppendText(append(to, `{"sync":`...), b.Sync)
	to = destinations.AppendText(append(to, `,"object":`...), b.Object)
	return destinations.AppendText(append(to, `,"op":`...), string(b.Op))
}

// appendRecord appends the members of a record. The id is null for a record that has no identifier, and fields is
// absent where the operation concerns the record as a whole.
func appendRecord(to []byte, op destinations.Op, r destinations.Record) ([]byte, error) {
	to = destinations.AppendText(append(to, `"key":`...), r.Key)
	to = append(to, `,"id":`...)
	if r.ID == "" {
		to = append(to, "null"...)
	} else {
		to = destinations.AppendText(to, r.ID)
	}
	if op == destinations.Delete || op == destinations.Archive {
		return to, nil
	}
	to = append(to, `,"fields":`...)
	if r.JSON != nil {
		return append(to, r.JSON...), nil
	}
	to, err := r.Fields.AppendJSON(to)
	if err != nil {
		return nil, fmt.Errorf("write the request as JSON: %w", err)
	}
	return to, nil
}

// resultBody is what the service says of one record.
type resultBody struct {
	ID     any `json:"id"`
	Status any `json:"status"`
	Code   any `json:"code"`
	Reason any `json:"reason"`
}

var (
	errCut    = errors.New("the answer ends in the middle of its JSON")
	errBroken = errors.New("the answer has results, but its JSON is broken")
)

// decode reads the body of a 2xx answer. One that is not JSON, or has no results, accepts every record. Results are
// matched by id, which is the key of a record without an identifier; a record that is not listed stays unknown.
func decode(records []destinations.Record, body []byte) ([]destinations.Result, error) {
	raw, ok, err := resultsOf(body)
	if err != nil {
		return nil, err
	}
	results := make([]destinations.Result, len(records))
	if !ok {
		for i := range results {
			results[i].Status = destinations.Accepted
		}
		return results, nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || items == nil {
		return nil, errors.New("the results of the answer are not a list")
	}
	listed := make(map[string]destinations.Result, len(items))
	for _, item := range items {
		id, r, ok := resultOf(item)
		if previous, twice := listed[id]; ok && (!twice || worse(r, previous)) {
			listed[id] = r
		}
	}
	for i, r := range records {
		result, ok := listed[nameOf(r)]
		if !ok {
			result = destinations.Result{Code: "not_listed", Reason: "the answer has results, but none for this record"}
		}
		results[i] = result
	}
	return results, nil
}

// nameOf is what the service calls r in its results.
func nameOf(r destinations.Record) string {
	if r.ID != "" {
		return r.ID
	}
	return r.Key
}

// resultsOf returns the member results of a body that is a JSON object, and whether there is one. Its error says
// that there may have been one, in a body that was cut short or broken.
func resultsOf(body []byte) (json.RawMessage, bool, error) {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	if len(body) == 0 {
		return nil, false, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	var value json.RawMessage
	err := decoder.Decode(&value)
	begun := bytes.HasPrefix(body, []byte("{")) || bytes.HasPrefix(body, []byte("["))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && begun:
		return nil, false, errCut
	case err != nil && begun && bytes.Contains(body, []byte(`"results"`)):
		return nil, false, errBroken
	case err != nil:
		return nil, false, nil //nolint:nilerr // what is no JSON accepts
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) != nil {
		return nil, false, nil //nolint:nilerr // so does JSON of another kind
	}
	results, ok := object["results"]
	return results, ok, nil
}

// resultOf reads one result. It is not ok without an id, as it concerns no record then.
func resultOf(item json.RawMessage) (id string, r destinations.Result, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(item))
	decoder.UseNumber()
	var body resultBody
	if decoder.Decode(&body) != nil {
		return "", r, false
	}
	id, ok = scalar(body.ID)
	r.Code, _ = scalar(body.Code)
	r.Reason, _ = scalar(body.Reason)
	status, _ := scalar(body.Status)
	switch status {
	case "accepted":
		r.Status = destinations.Accepted
	case "rejected":
		r.Status = destinations.Rejected
	case "retry":
		r.Status = destinations.Deferred
	default:
		r.Status = destinations.Unknown
		r.Code, r.Reason = "status", fmt.Sprintf("the answer gives this record the status %q, which has no meaning", status)
	}
	return id, r, ok
}

// scalar returns a text or a number as text.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// worse says whether a leaves more to be done than b, which decides between two results for one record.
func worse(a, b destinations.Result) bool {
	rank := map[destinations.Status]int{
		destinations.Accepted: 0, destinations.Deferred: 1, destinations.Rejected: 2, destinations.Unknown: 3,
	}
	return rank[a.Status] > rank[b.Status]
}
