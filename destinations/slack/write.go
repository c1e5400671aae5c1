package slack

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Write posts, changes or deletes messages, one in a request. What is posted stands in the journal before it is sent,
// so that whatever ends this process leaves no message to be sent twice.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	if _, err := d.Fields(ctx, b.Object); err != nil {
		return untouched(b), err
	}
	if err := d.journal.open(); err != nil {
		return untouched(b), err
	}
	results := untouched(b)
	var parts [3]part // by what is to be done
	var err error
	for i, r := range b.Records {
		known := d.journal.find(name(b, r))
		switch {
		case b.Op == destinations.Delete && known.TS == "":
			results[i] = destinations.Result{Status: destinations.Accepted} // it was never posted from here
		case b.Op == destinations.Delete:
			parts[remove].add(i, r, known.Channel)
		case b.Object == posts && known.TS != "":
			parts[change].add(i, r, known.Channel)
		case known.TS != "":
			results[i] = destinations.Result{Status: destinations.Accepted, RemoteID: known.id()}
		case known.sending() && d.config.Unanswered == hold:
			results[i] = destinations.Result{Code: "unanswered", Reason: "an earlier request got no answer, so that the message may be there; it is not posted again"}
		default:
			var to string
			if to, results[i], err = d.address(ctx, b, r); err != nil {
				return results, err
			}
			if results[i].Status == destinations.Accepted {
				parts[post].add(i, r, to)
			}
		}
	}
	for what, p := range parts {
		if len(p.records) == 0 || err != nil {
			continue
		}
		err = d.do(ctx, b, action(what), p, results)
	}
	return results, err
}

// action is what is done with a message.
type action int

const (
	post action = iota
	change
	remove
)

var methods = [...]string{post: "/chat.postMessage", change: "/chat.update", remove: "/chat.delete"}

// part are the records of a batch with which the same is done.
type part struct {
	at       []int
	records  []destinations.Record
	channels map[string]string // by the record's key
}

func (p *part) add(i int, r destinations.Record, to string) {
	if p.channels == nil {
		p.channels = map[string]string{}
	}
	p.at, p.records = append(p.at, i), append(p.records, r)
	p.channels[r.Key] = to
}

func (d *destination) do(ctx context.Context, b destinations.Batch, what action, p part, results []destinations.Result) error {
	b.Records = p.records
	for _, i := range p.at {
		results[i] = untouched(b)[0]
	}
	if what == post {
		if err := d.journal.begin(b); err != nil {
			return err
		}
	}
	done, err := httpapi.Each{
		Request: func(b destinations.Batch, r destinations.Record) (httpapi.Request, error) {
			return d.request(b, r, what, p.channels[r.Key])
		},
		Decode: func(_ destinations.Batch, _ destinations.Record, a httpapi.Answer) (destinations.Result, error) {
			return d.decode(a)
		},
	}.Write(ctx, d.client, b)
	for n, r := range done {
		if what == remove && r.Code == "message_not_found" {
			done[n] = destinations.Result{Status: destinations.Accepted}
		}
		results[p.at[n]] = done[n]
	}
	return errors.Join(err, d.journal.settle(b, what, done))
}

func (d *destination) request(b destinations.Batch, r destinations.Record, what action, to string) (httpapi.Request, error) {
	known := d.journal.find(name(b, r))
	text, err := body(r, to, known.TS)
	request := httpapi.Request{
		Path: methods[what], Body: text, Once: what == post, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
	}
	if d.config.Webhook != nil {
		request.Path, request.Route = "", "webhook"
	}
	return request, err
}

// decode accepts a message that Slack says it took, and keeps where it stands.
func (d *destination) decode(a httpapi.Answer) (destinations.Result, error) {
	if d.config.Webhook != nil {
		if strings.TrimSpace(string(a.Body)) != "ok" {
			return destinations.Result{}, errors.New("the webhook's answer is not ok")
		}
		return destinations.Result{Status: destinations.Accepted}, nil
	}
	reply, err := read(a)
	if err != nil {
		return destinations.Result{}, err
	}
	return destinations.Result{Status: destinations.Accepted, RemoteID: entry{Channel: reply.Channel, TS: reply.TS}.id()}, nil
}

// address is the channel that r goes to. A person's e-mail address is looked up once. The result is accepted where
// there is one.
func (d *destination) address(ctx context.Context, b destinations.Batch, r destinations.Record) (string, destinations.Result, error) {
	ready := destinations.Result{Status: destinations.Accepted}
	v, _ := r.Fields.Get(fieldChannel)
	to, _ := v.(string)
	if d.config.Webhook != nil || !strings.Contains(strings.TrimPrefix(to, "@"), "@") {
		return to, ready, nil
	}
	d.mu.Lock()
	id := d.people[to]
	d.mu.Unlock()
	if id != "" {
		return id, ready, nil
	}
	var found struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	err := d.client.Read(ctx, httpapi.Request{
		Path: "/users.lookupByEmail", Query: url.Values{"email": {to}}, Route: "/users.lookupByEmail", Attempts: b.Attempts, Meter: b.Meter,
	}, &found)
	if p, ok := errors.AsType[*httpapi.Problem](err); ok && p.Class == httpapi.Refused {
		return "", destinations.Result{Status: destinations.Rejected, Code: p.Code, Reason: "nobody has this e-mail address: " + p.Reason}, nil
	}
	if p, ok := errors.AsType[*httpapi.Problem](err); ok && (p.Class == httpapi.Later || p.Class == httpapi.Lost) {
		return "", destinations.Result{Status: destinations.Deferred, Code: p.Code, Reason: "the e-mail address could not be looked up: " + p.Reason}, nil
	}
	if err != nil {
		return "", untouched(b)[0], err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.people[to] = found.User.ID
	return found.User.ID, ready, nil
}

// untouched says of every record that it did not leave.
func untouched(b destinations.Batch) []destinations.Result {
	results := make([]destinations.Result, len(b.Records))
	for i := range results {
		results[i] = destinations.Result{Status: destinations.Deferred, Code: "not_sent", Reason: "not sent, as the batch was stopped before"}
	}
	return results
}
