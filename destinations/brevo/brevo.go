// Package brevo delivers contacts to Brevo, one in a request.
//
// Brevo makes or changes a contact by its e-mail address or by an id of the sender's. What it does not know of, or what is
// not of an attribute's type, it passes over without a word, so that the attributes of the account have to be asked for.
package brevo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// Config are the settings of a Brevo account.
type Config struct {
	APIKey  destinations.Secret `toml:"api_key" required:"true" help:"An API key of the account, which may do everything there. Brevo can hold it to addresses: allow this machine's."`
	BaseURL string              `toml:"base_url" default:"https://api.brevo.com" help:"Where Brevo's API is reached: a proxy or a stand-in may take its place."`
	Rate    destinations.Rate   `toml:"rate" default:"10/s" help:"How many requests are sent at most. Brevo allows 10/s, or 20/s and 60/s in accounts with advanced and extended limits."`
	Timeout time.Duration       `toml:"timeout" default:"60s" help:"How long one request may take."`
}

// Definition describes Brevo as a destination.
func Definition() destinations.Definition {
	return destinations.Define(destinations.Definition{
		Name:    "brevo",
		Title:   "Brevo",
		Docs:    "destinations/brevo.md",
		Objects: objects(destinations.Rate{}),
	}, open)
}

const (
	contacts   = "contacts"
	attributes = "attributes." // what the account adds to a contact

	maxBatch    = 50
	connections = 8
)

// identifiers are the fields that find a contact, as Brevo calls them in its addresses.
var identifiers = map[string]string{"email": "email_id", "ext_id": "ext_id"}

func objects(r destinations.Rate) []destinations.Object {
	return []destinations.Object{{
		Name: contacts, Label: "Contacts", Identifiers: []string{"email", "ext_id"},
		FoldIdentifier: true, // e-mail addresses are, and ids hardly ever differ by case alone
		Operations: []destinations.Op{
			destinations.Upsert, destinations.Update, destinations.Insert, destinations.Clear, destinations.Delete,
		},
		Irreversible: []destinations.Op{destinations.Delete},
		MaxBatch:     maxBatch, Rate: r.PerSecond(), Concurrency: 2, Clears: true,
	}}
}

var fields = []destinations.Field{
	{Name: "email", Label: "E-mail", Type: destinations.String},
	{Name: "ext_id", Label: "Id of the sender's", Type: destinations.String},
	{Name: "emailBlacklisted", Label: "Gets no e-mails", Type: destinations.Boolean},
	{Name: "smsBlacklisted", Label: "Gets no text messages", Type: destinations.Boolean},
	{Name: "listIds", Label: "Lists that the contact is added to", Type: destinations.List},
}

// types are those of attributes that can be written.
var types = map[string]destinations.FieldType{
	"text": destinations.String, "date": destinations.DateType, "float": destinations.Number, "boolean": destinations.Boolean,
	"category": destinations.Integer, "multiple-choice": destinations.List, "id": destinations.String, "user": destinations.String,
}

type destination struct {
	destinations.Reached

	config Config
	client *httpapi.Client
	log    *slog.Logger
	fields httpapi.Known[[]destinations.Field] // of an object
}

func open(_ context.Context, c Config, env destinations.Env) (destinations.Destination, error) {
	if c.APIKey == nil {
		return nil, fmt.Errorf("destination %s: api_key is missing", env.Name)
	}
	d := &destination{config: c, log: env.Log}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	var err error
	d.client, err = httpapi.New(httpapi.API{
		BaseURL: c.BaseURL, Auth: httpapi.Header("api-key", c.APIKey), Limits: []destinations.Rate{c.Rate}, Concurrency: connections,
		Timeout: c.Timeout, Problem: problem, Transport: env.Transport, Log: env.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("destination %s: base_url: %w", env.Name, err)
	}
	return d, nil
}

// Check asks whose key it is.
func (d *destination) Check(ctx context.Context) error {
	var account struct {
		Email   string `json:"email"`
		Company string `json:"companyName"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/v3/account"}, &account); err != nil {
		return err
	}
	if account.Email == "" {
		return &destinations.Error{
			Kind: destinations.ErrConfig, Message: "what answers at this address is not Brevo's API", Hint: "check base_url",
		}
	}
	d.Reach(account.Company)
	d.log.InfoContext(ctx, "reached Brevo", slog.String("account", account.Company))
	return nil
}

func (d *destination) Objects(context.Context) ([]destinations.Object, error) {
	return objects(d.config.Rate), nil
}

// Fields lists the attributes that the account has, and what every contact has.
func (d *destination) Fields(ctx context.Context, object string) ([]destinations.Field, error) {
	if object != contacts {
		return nil, noObject(object)
	}
	known, err := d.fields.Get(object, func() ([]destinations.Field, error) { return d.listFields(ctx) })
	return slices.Clone(known), err
}

func (d *destination) listFields(ctx context.Context) ([]destinations.Field, error) {
	var reply struct {
		Attributes []attribute `json:"attributes"`
	}
	if err := d.client.Read(ctx, httpapi.Request{Path: "/v3/contacts/attributes"}, &reply); err != nil {
		return nil, fmt.Errorf("list the attributes of contacts: %w", err)
	}
	listed := slices.Clone(fields)
	for _, a := range reply.Attributes {
		listed = append(listed, a.field())
	}
	return listed, nil
}

func noObject(name string) error {
	return &destinations.Error{Kind: destinations.ErrNoObject, Message: fmt.Sprintf("there is no object %q", name), Hint: "there are contacts"}
}

// attribute is one as Brevo lists it.
type attribute struct {
	Name     string   `json:"name"`
	Category string   `json:"category"` // normal, transactional, category, calculated or global
	Type     string   `json:"type"`
	Options  []string `json:"multiCategoryOptions"`
	Choices  []struct {
		Value json.Number `json:"value"`
	} `json:"enumeration"`
}

func (a attribute) field() destinations.Field {
	if a.Type == "" {
		a.Type = a.Category // a category has no other type
	}
	f := destinations.Field{Name: attributes + a.Name, Label: a.Name, Type: types[a.Type], Enum: a.Options}
	for _, c := range a.Choices {
		f.Enum = append(f.Enum, c.Value.String())
	}
	f.ReadOnly = a.Category == "calculated" || a.Category == "global"
	return f
}

// Write delivers b, one contact in a request.
func (d *destination) Write(ctx context.Context, b destinations.Batch) ([]destinations.Result, error) {
	if b.Object != contacts {
		return nil, noObject(b.Object)
	}
	return httpapi.Each{Request: request, Decode: decode}.Write(ctx, d.client, b)
}

// request builds the request for r. An upsert and an insert name the contact in the body, the others in the address.
func request(b destinations.Batch, r destinations.Record) (httpapi.Request, error) {
	one := httpapi.Request{
		Path: "/v3/contacts/" + strings.ReplaceAll(url.PathEscape(r.ID), "+", "%2B"), Route: "/v3/contacts/{identifier}",
		Query: url.Values{"identifierType": {identifiers[b.Identifier]}},
	}
	var err error
	switch b.Op {
	case destinations.Delete:
		one.Method, one.Fine = http.MethodDelete, []int{http.StatusNotFound}
	case destinations.Update:
		one.Method = http.MethodPut
		one.Body, err = body(b, r)
	case destinations.Clear:
		one.Method, one.Fine = http.MethodPut, []int{http.StatusNotFound}
		one.Body, err = body(b, r)
	default:
		one = httpapi.Request{Path: "/v3/contacts", Once: b.Op == destinations.Insert}
		one.Body, err = body(b, r)
	}
	return one, err
}

// body is r as a request has it, with its attributes as an object of their own. An empty text clears an attribute; nothing
// else can be cleared.
func body(b destinations.Batch, r destinations.Record) ([]byte, error) {
	var top, own destinations.Fields
	creates := b.Op == destinations.Upsert || b.Op == destinations.Insert
	for _, f := range r.Fields {
		name, nested := strings.CutPrefix(f.Name, attributes)
		switch {
		case nested && f.Value == nil:
			own = append(own, destinations.FieldValue{Name: name, Value: ""})
		case nested:
			own = append(own, destinations.FieldValue{Name: name, Value: f.Value})
		case f.Name == b.Identifier, f.Value == nil:
		case f.Name == "email" && !creates:
			own = append(own, destinations.FieldValue{Name: "EMAIL", Value: f.Value})
		default:
			top = append(top, f)
		}
	}
	if creates {
		top = append(top, destinations.FieldValue{Name: b.Identifier, Value: r.ID}, destinations.FieldValue{Name: "updateEnabled", Value: b.Op == destinations.Upsert})
	}
	text, err := own.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	return append(top, destinations.FieldValue{Name: "attributes", Value: json.RawMessage(text)}).AppendJSON(nil)
}

// decode accepts a contact that was changed or deleted, which is answered with nothing, or made, which gives its id. One that
// was to go and is not there is told from an address where nothing is.
func decode(_ destinations.Batch, _ destinations.Record, a httpapi.Answer) (destinations.Result, error) {
	accepted := destinations.Result{Status: destinations.Accepted}
	if a.Status == http.StatusNoContent {
		return accepted, nil
	}
	var reply struct {
		ID   json.Number `json:"id"`
		Code string      `json:"code"`
	}
	if err := json.Unmarshal(a.Body, &reply); err != nil {
		return destinations.Result{}, fmt.Errorf("the answer of Brevo is not the JSON that was expected: %w", err)
	}
	accepted.RemoteID = reply.ID.String()
	if reply.ID == "" && reply.Code != "document_not_found" {
		return destinations.Result{}, errors.New("the answer of Brevo names no contact")
	}
	return accepted, nil
}

// problem reads Brevo's form of errors, and how long its limit lasts, for which it has headers of its own.
func problem(a httpapi.Answer, usual httpapi.Problem) httpapi.Problem {
	seconds, err := strconv.Atoi(a.Header.Get("X-Sib-Ratelimit-Reset"))
	reset := time.Duration(max(seconds, 0)) * time.Second
	if a.Status < 300 {
		if err == nil && a.Header.Get("X-Sib-Ratelimit-Remaining") == "0" {
			usual.Throttled, usual.Wait = reset > 0, reset
		}
		return usual
	}
	var reply struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(a.Body, &reply) == nil && reply.Code != "" {
		usual.Code, usual.Reason = reply.Code, reply.Message
	}
	switch {
	case a.Status == http.StatusTooManyRequests && usual.Wait == 0:
		usual.Wait = reset
	case a.Status == http.StatusUnauthorized:
		usual.Hint = "take a current API key, and allow this machine's address where Brevo holds the key to addresses"
	}
	return usual
}

func (d *destination) Close() error { return d.client.Close() }
