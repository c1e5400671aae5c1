package httpapi

import (
	"errors"

	"spillway/destinations"
)

// outcome is what p means for each record of its request.
func (p *Problem) outcome() destinations.Result {
	r := destinations.Result{Status: destinations.Deferred, Code: p.Code, Reason: p.Reason}
	switch {
	case p.Class == Refused:
		r.Status = destinations.Rejected
	case p.Class == Lost, p.Doubt:
		r.Status = destinations.Unknown
	case p.Class == Later:
		r.Doubt = p.unclear || unclear(p.Status)
	}
	return r
}

// stops says whether further requests are pointless, so that Write ends with p.
func (p *Problem) stops() bool {
	return p.Class == Denied || p.Class == Unfit || p.Class == Unsent || p.over
}

// asProblem returns the *Problem that every error of Do is.
func asProblem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return &Problem{Class: Unfit, Code: "request", Reason: err.Error(), cause: err}
}

// fill gives every record of results the same result.
func fill(results []destinations.Result, r destinations.Result) {
	for i := range results {
		results[i] = r
	}
}

// notSent is the result of a record whose turn did not come.
func notSent() destinations.Result {
	return destinations.Result{
		Status: destinations.Deferred, Code: "not_sent", Reason: "not sent, as the batch was stopped before",
	}
}

// unreadable is the result of records whose answer does not say what became of them.
func unreadable(err error) destinations.Result {
	return destinations.Result{Status: destinations.Unknown, Code: "answer", Reason: err.Error()}
}

// tidy makes the texts of r fit to be kept and shown.
func (c *Client) tidy(r destinations.Result) destinations.Result {
	if r.Status == destinations.Accepted && r.Code == "" && r.Reason == "" {
		return r
	}
	r.Code = clean(c.credentials.censor(r.Code), maxCode)
	r.Reason = clean(c.credentials.censor(r.Reason), maxReason)
	if r.Status != destinations.Rejected {
		return r
	}
	r.Code = or(r.Code, "rejected")
	r.Reason = or(r.Reason, "the service gave no reason")
	return r
}
