package sandbox

import "encoding/json"

// The limits of the sandbox's API.
const (
	maxBatch = 100
	maxBody  = 8 << 20 // bytes of a request
	maxPage  = 500     // records of one page of a list
)

const (
	accountName  = "Spillway sandbox"
	codeNoObject = "no_such_object"
)

// batchRequest asks for one operation on up to 100 records of an object.
type batchRequest struct {
	Operation  string        `json:"operation"`
	Identifier string        `json:"identifier"`
	Source     string        `json:"source,omitempty"` // who sends it, for people to read
	Records    []batchRecord `json:"records"`
}

// batchRecord is one record of a request. Ref is the caller's own mark, once in a request, by which the
// result is found. Token, for inserts, says that a record was sent before: it is then not made again.
type batchRecord struct {
	Ref    string          `json:"ref"`
	ID     string          `json:"id"`
	Token  string          `json:"token,omitempty"`
	Fields json.RawMessage `json:"fields,omitempty"` // an object; null clears a field
}

// batchReply holds one result for each record, refusals first and then by the record's number.
type batchReply struct {
	Status  string        `json:"status"` // complete or partial
	Results []batchResult `json:"results"`
}

type batchResult struct {
	Ref      string `json:"ref"`
	Status   string `json:"status"` // ok or error
	RecordID string `json:"record_id,omitempty"`
	Outcome  string `json:"outcome,omitempty"` // what was done, where the status is ok
	Code     string `json:"code,omitempty"`
	Message  string `json:"message,omitempty"`
}

const (
	statusOK       = "ok"
	statusError    = "error"
	statusComplete = "complete"
	statusPartial  = "partial"
)

// errorReply is the body of every answer that is no success.
type errorReply struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

type accountReply struct {
	Name      string           `json:"name"`
	RateLimit string           `json:"rate_limit"` // as in 50/s; empty for no limit
	Records   map[string]int64 `json:"records"`
}

type objectsReply struct {
	Objects []objectReply `json:"objects"`
}

type objectReply struct {
	Name        string   `json:"name"`
	Label       string   `json:"label"`
	Identifiers []string `json:"identifiers"`
	Operations  []string `json:"operations"`
	MaxBatch    int      `json:"max_batch"`
}

type fieldsReply struct {
	Fields []fieldReply `json:"fields"`
}

type fieldReply struct {
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Options  []string `json:"options,omitempty"`
}

type recordsReply struct {
	Records []Record `json:"records"`
	Next    string   `json:"next"`
}

type requestsReply struct {
	Total    Totals    `json:"totals"`
	Requests []Request `json:"requests"`
}
