package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// maxQuery is about how long the query of a URL may be. Salesforce takes 16,384 bytes of URL and headers.
const maxQuery = 10_000

// found looks the records of b up by its identifier and delivers those that are there, by Salesforce's ids. One that is
// not there cannot be updated, and needs no removal.
func (d *destination) found(ctx context.Context, b destinations.Batch, s schema) ([]destinations.Result, error) {
	key, ok := s.field(b.Identifier)
	if !ok || !slices.Contains(s.identifiers, b.Identifier) {
		return notSent(b), &destinations.Error{
			Kind: destinations.ErrConfig, Message: fmt.Sprintf("%s cannot be found by %s, which is no external id", b.Object, b.Identifier),
			Hint: "use " + strings.Join(s.identifiers, " or "),
		}
	}
	matches, err := d.look(ctx, b, key)
	if err != nil {
		return undelivered(b, err)
	}
	results := notSent(b)
	there := b
	there.Records = nil
	var at []int
	for i, r := range b.Records {
		switch ids := matches.of(key, r.ID); {
		case len(ids) > 1:
			results[i] = destinations.Result{Status: destinations.Rejected, Code: codeSeveral, Reason: "several records have this " + key.Name + ", of which none was touched"}
		case len(ids) == 1:
			r.ID = ids[0]
			there.Records, at = append(there.Records, r), append(at, i)
		case b.Op == destinations.Update:
			results[i] = destinations.Result{Status: destinations.Rejected, Code: codeAbsent, Reason: "Salesforce has no such record"}
		default:
			results[i] = destinations.Result{Status: destinations.Accepted}
		}
	}
	if len(at) == 0 {
		return results, nil
	}
	wrote, err := d.deliver(ctx, there)
	for n, r := range wrote {
		if r.RemoteID == "" {
			r.RemoteID = there.Records[n].ID
		}
		results[at[n]] = r
	}
	return results, err
}

// matches are the ids of records, by their external ids as they stand and as Salesforce compares them.
type matches struct{ exact, folded map[string][]string }

// of are the records that id names. Of two whose external ids differ by case alone it is the one that has it so.
func (m matches) of(key field, id string) []string {
	if ids := m.exact[key.canonical(id)]; len(ids) > 0 || key.CaseSensitive {
		return ids
	}
	return m.folded[strings.ToLower(key.canonical(id))]
}

func (f field) numeric() bool {
	t := f.fieldType()
	return t == destinations.Number || t == destinations.Integer
}

// canonical is the same for all texts of one number: Salesforce writes 7 as 7.0.
func (f field) canonical(text string) string {
	if n, ok := new(big.Rat).SetString(text); ok && f.numeric() {
		return n.RatString()
	}
	return text
}

// literals writes texts in SOQL.
var literals = strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`)

func (f field) literal(text string) string {
	if f.numeric() {
		return text
	}
	return "'" + literals.Replace(text) + "'"
}

// look asks for the ids of the records of b, in as few queries as their texts fit in.
func (d *destination) look(ctx context.Context, b destinations.Batch, key field) (matches, error) {
	m := matches{exact: map[string][]string{}, folded: map[string][]string{}}
	var wanted []string
	size := 0
	for i, r := range b.Records {
		literal := key.literal(r.ID)
		wanted = append(wanted, literal)
		size += len(url.QueryEscape(literal)) + len("%2C")
		if size < maxQuery && i < len(b.Records)-1 && size+6*len(b.Records[i+1].ID) < maxQuery {
			continue
		}
		if err := d.query(ctx, b, key, wanted, m); err != nil {
			return m, err
		}
		wanted, size = nil, 0
	}
	return m, nil
}

func (d *destination) query(ctx context.Context, b destinations.Batch, key field, wanted []string, m matches) error {
	soql := "SELECT Id, " + key.Name + " FROM " + b.Object + " WHERE " + key.Name + " IN (" + strings.Join(wanted, ",") + ")"
	r := httpapi.Request{Path: d.root + "/query", Query: url.Values{"q": {soql}}, Attempts: b.Attempts, Meter: b.Meter}
	for {
		var reply struct {
			Records []map[string]json.RawMessage `json:"records"`
			Next    string                       `json:"nextRecordsUrl"`
		}
		if err := d.client.Read(ctx, r, &reply); err != nil {
			return fmt.Errorf("look up records of %s: %w", b.Object, err)
		}
		for _, record := range reply.Records {
			var id, name string
			if json.Unmarshal(record[recordID], &id) != nil || id == "" {
				continue
			}
			if json.Unmarshal(record[key.Name], &name) != nil {
				name = string(record[key.Name]) // a number
			}
			exact := key.canonical(name)
			m.exact[exact] = append(m.exact[exact], id)
			m.folded[strings.ToLower(exact)] = append(m.folded[strings.ToLower(exact)], id)
		}
		if !strings.HasPrefix(reply.Next, d.root+"/query/") {
			return nil
		}
		r.Path, r.Query = reply.Next, nil
	}
}
