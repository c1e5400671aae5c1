package sendgrid

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"spillway/destinations"
	"spillway/destinations/httpapi"
)

// faults are the reasons for which contacts were refused, by their places in b, as the file at address gives them. It has
// none where the file cannot be had or read, which its format, as it is not documented, may come to.
func (d *destination) faults(ctx context.Context, b destinations.Batch, address string) map[int]string {
	if address == "" {
		return nil
	}
	text, err := d.download(ctx, b, address)
	if err != nil {
		d.log.WarnContext(ctx, "the file of an import's errors could not be read", slog.Any("error", err))
		return nil
	}
	return readFaults(b, text)
}

var errPlace = errors.New("SendGrid names a place for the file that is no https address")

// download gets the file, which lies at another service, without the credentials of this one.
func (d *destination) download(ctx context.Context, b destinations.Batch, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errPlace
	}
	own, err := url.Parse(d.config.BaseURL)
	if err != nil || u.Scheme != "https" && u.Host != own.Host {
		return nil, errPlace
	}
	client, err := httpapi.New(httpapi.API{
		BaseURL: u.Scheme + "://" + u.Host, Headers: map[string]string{"Accept": "*/*"}, Timeout: d.config.Timeout,
		Transport: d.env.Transport, Log: d.env.Log,
	})
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(ctx, httpapi.Request{
		Method: http.MethodGet, Path: u.EscapedPath(), Route: "/{errors_url}", Query: u.Query(), Attempts: b.Attempts, Meter: b.Meter,
	})
	return answer.Body, errors.Join(err, client.Close())
}

// reasonColumns are words by which the column of the reason is known.
var reasonColumns = []string{"error", "reason", "message"}

// readFaults reads a CSV that names contacts by their identifiers, in a column of its name or else in any.
func readFaults(b destinations.Batch, text []byte) map[int]string {
	at := make(map[string]int, len(b.Records))
	for i, r := range b.Records {
		at[strings.ToLower(r.ID)] = i
	}
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	reader.FieldsPerRecord, reader.LazyQuotes = -1, true
	faults := map[int]string{}
	var header []string
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return faults
		}
		if err != nil {
			continue // a line of another form
		}
		if header == nil {
			header = make([]string, len(row))
			for i, name := range row {
				header[i] = strings.ToLower(strings.TrimSpace(name))
			}
		}
		if i, ok := place(row, header, b.Identifier, at); ok {
			faults[i] = reason(row, header)
		}
	}
}

// place is the place of the contact that a row is about.
func place(row, header []string, identifier string, at map[string]int) (int, bool) {
	cells := row
	if own := slices.Index(header, identifier); own >= 0 && own < len(row) {
		cells = row[own : own+1]
	}
	for _, cell := range cells {
		if i, ok := at[strings.ToLower(strings.TrimSpace(cell))]; ok {
			return i, true
		}
	}
	return 0, false
}

// reason is what a row gives as one.
func reason(row, header []string) string {
	var parts []string
	for i, cell := range row {
		named := i < len(header) && slices.ContainsFunc(reasonColumns, func(word string) bool { return strings.Contains(header[i], word) })
		if cell = strings.TrimSpace(cell); named && cell != "" {
			parts = append(parts, cell)
		}
	}
	if len(parts) == 0 {
		return "SendGrid refused this contact: " + strings.Join(row, ", ")
	}
	return strings.Join(parts, "; ")
}
