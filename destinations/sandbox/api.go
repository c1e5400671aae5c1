package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
)

// api lays out the JSON API:
//
//	GET  /api/v1/account                    what the sandbox is and how much it holds
//	GET  /api/v1/objects                    the objects with their identifiers and operations
//	GET  /api/v1/objects/{object}/fields    the fields of an object
//	POST /api/v1/objects/{object}/batch     one operation on up to 100 records: see batchRequest
//	GET  /api/v1/objects/{object}/records   the records, newest change first: q, before, limit
//	GET  /api/v1/requests                   the latest requests to write, and the totals
//
// A batch is answered with 200 if every record was taken, with 207 if one was not. Everything else is answered
// with an errorReply; no record was looked at then.
func (s *Server) api(mux *http.ServeMux) {
	handle := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, s.limited(h)) }
	handle("GET /api/v1/account", s.getAccount)
	handle("GET /api/v1/objects", s.getObjects)
	handle("GET /api/v1/objects/{object}/fields", s.getFields)
	handle("POST /api/v1/objects/{object}/batch", s.postBatch)
	handle("GET /api/v1/objects/{object}/records", s.getRecords)
	handle("GET /api/v1/requests", s.getRequests)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "not_found", "the API has no such address; see /api/v1/objects")
	})
}

func (s *Server) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.limit.allow(w.Header(), time.Now()) {
			next.ServeHTTP(w, r)
			return
		}
		message := fmt.Sprintf("more than %d requests in %s; wait as long as Retry-After says", s.limit.rate.Requests, s.limit.rate.Per)
		if r.Method == http.MethodPost {
			s.refuse(w, r, batchRequest{}, http.StatusTooManyRequests, "rate_limited", message)
			return
		}
		fail(w, http.StatusTooManyRequests, "rate_limited", message)
	})
}

func (s *Server) getAccount(w http.ResponseWriter, r *http.Request) {
	live, _, err := s.store.sizes(r.Context())
	if err != nil {
		s.broken(w, r, err)
		return
	}
	limit, err := s.limit.rate.MarshalText()
	if err != nil {
		s.broken(w, r, err)
		return
	}
	reply(w, http.StatusOK, accountReply{Name: accountName, RateLimit: string(limit), Records: live})
}

func (s *Server) getObjects(w http.ResponseWriter, _ *http.Request) {
	var out objectsReply
	for _, o := range objects {
		one := objectReply{Name: o.name, Label: o.label, Identifiers: o.identifiers, MaxBatch: maxBatch}
		for _, op := range operations {
			one.Operations = append(one.Operations, string(op))
		}
		out.Objects = append(out.Objects, one)
	}
	reply(w, http.StatusOK, out)
}

func (s *Server) getFields(w http.ResponseWriter, r *http.Request) {
	o, ok := findObject(r.PathValue("object"))
	if !ok {
		noObject(w, r)
		return
	}
	var out fieldsReply
	for _, f := range o.fields {
		out.Fields = append(out.Fields, fieldReply{
			Name: f.Name, Label: f.Label, Type: string(f.Type), Required: f.Required, Options: f.Enum,
		})
	}
	reply(w, http.StatusOK, out)
}

func (s *Server) getRecords(w http.ResponseWriter, r *http.Request) {
	o, ok := findObject(r.PathValue("object"))
	if !ok {
		noObject(w, r)
		return
	}
	q := Query{Object: o.name, Search: r.FormValue("q"), Limit: maxPage}
	var errs [2]error
	if v := r.FormValue("before"); v != "" {
		q.Before, errs[0] = strconv.ParseInt(v, 10, 64)
	}
	if v := r.FormValue("limit"); v != "" {
		q.Limit, errs[1] = strconv.Atoi(v)
	}
	if errors.Join(errs[:]...) != nil || q.Limit < 1 || q.Limit > maxPage || q.Before < 0 {
		fail(w, http.StatusBadRequest, "bad_request", fmt.Sprintf("limit is 1 to %d, before is the next of the page before", maxPage))
		return
	}
	records, next, err := s.store.records(r.Context(), q)
	if err != nil {
		s.broken(w, r, err)
		return
	}
	out := recordsReply{Records: records}
	if next > 0 {
		out.Next = strconv.FormatInt(next, 10)
	}
	reply(w, http.StatusOK, out)
}

func (s *Server) getRequests(w http.ResponseWriter, r *http.Request) {
	totals, err := s.store.totals(r.Context())
	if err != nil {
		s.broken(w, r, err)
		return
	}
	requests, err := s.store.requests(r.Context(), 100)
	if err != nil {
		s.broken(w, r, err)
		return
	}
	reply(w, http.StatusOK, requestsReply{Total: totals, Requests: requests})
}

func (s *Server) postBatch(w http.ResponseWriter, r *http.Request) {
	o, ok := findObject(r.PathValue("object"))
	if !ok {
		s.refuse(w, r, batchRequest{}, http.StatusNotFound, codeNoObject, noObjectText(r))
		return
	}
	var request batchRequest
	if status, code, message := readBatch(r, o, &request); status != 0 {
		s.refuse(w, r, request, status, code, message)
		return
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		for i, record := range request.Records {
			if record.Token == "" {
				request.Records[i].Token = key + "/" + record.Ref
			}
		}
	}
	results, err := s.store.apply(r.Context(), o, request, time.Now())
	if err != nil {
		s.broken(w, r, err)
		return
	}
	out := batchReply{Status: statusComplete, Results: results}
	status := http.StatusOK
	if slices.ContainsFunc(results, func(r batchResult) bool { return r.Status != statusOK }) {
		out.Status, status = statusPartial, http.StatusMultiStatus
	}
	reply(w, status, out)
}

// readBatch reads the body of r into request and returns how to refuse it; a status of 0 is a good request.
func readBatch(r *http.Request, o object, request *batchRequest) (status int, code, message string) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return http.StatusUnsupportedMediaType, "unsupported_media_type", "send application/json"
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(request)
	if err == nil {
		if _, extra := d.Token(); !errors.Is(extra, io.EOF) {
			err = errors.Join(errors.New("there is more after the end"), extra)
		}
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("a request has %d bytes at most", tooLarge.Limit)
	}
	if err != nil {
		return http.StatusBadRequest, "bad_request", "the body is no such JSON as the API takes: " + err.Error()
	}
	if n := len(request.Records); n > maxBatch {
		return http.StatusRequestEntityTooLarge, "batch_too_large", fmt.Sprintf("a batch has %d records at most, not %d", maxBatch, n)
	}
	return request.fault(o)
}

// fault says what is wrong with a request whatever its records hold.
func (request *batchRequest) fault(o object) (status int, code, message string) {
	if len(request.Records) == 0 {
		return http.StatusBadRequest, "bad_request", "a batch has a record at least"
	}
	if !slices.Contains(operations, destinations.Op(request.Operation)) {
		return http.StatusBadRequest, "unknown_operation", fmt.Sprintf("%q is no operation", request.Operation)
	}
	if !o.identifiedBy(request.Identifier) {
		return http.StatusBadRequest, "not_an_identifier", fmt.Sprintf("%s are identified by %s, not by %q",
			o.name, strings.Join(o.identifiers, " or "), request.Identifier)
	}
	refs := map[string]bool{}
	for _, record := range request.Records {
		if record.Ref == "" || refs[record.Ref] {
			return http.StatusBadRequest, "bad_request", fmt.Sprintf("each record needs a ref of its own; %q stands twice or is empty", record.Ref)
		}
		refs[record.Ref] = true
	}
	return 0, "", ""
}

// refuse answers and logs a request to write of which no record was looked at.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, b batchRequest, status int, code, message string) {
	err := s.store.refused(r.Context(), Request{
		At: time.Now(), Source: b.Source, Object: r.PathValue("object"), Operation: b.Operation,
		Status: status, Code: code, Message: message,
	})
	if err != nil {
		s.broken(w, r, err)
		return
	}
	fail(w, status, code, message)
}

// broken answers a request that failed through no fault of its own.
func (s *Server) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.log.LogAttrs(r.Context(), slog.LevelError, "sandbox request failed", slog.String("method", r.Method), slog.Any("error", err))
	}
	fail(w, http.StatusInternalServerError, "internal", "the sandbox could not read or write its store; its log says more")
}

func noObjectText(r *http.Request) string {
	return fmt.Sprintf("there is no object %q; see /api/v1/objects", r.PathValue("object"))
}

func noObject(w http.ResponseWriter, r *http.Request) {
	fail(w, http.StatusNotFound, codeNoObject, noObjectText(r))
}

func fail(w http.ResponseWriter, status int, code, message string) {
	var body errorReply
	body.Error.Code, body.Error.Message = code, message
	reply(w, status, body)
}

func reply(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "the answer could not be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(data) // a caller that went away gets no answer
}
