package salesforce

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"spillway/destinations"
)

const (
	null       = "#N/A" // in a cell; an empty one leaves the field as it is
	longestRow = 32_000 // characters that a cell may have
)

// fitsSheet says whether a CSV can hold the records of b as they are.
func fitsSheet(b destinations.Batch) bool {
	return !slices.ContainsFunc(b.Records, func(r destinations.Record) bool {
		return slices.ContainsFunc(r.Fields, func(f destinations.FieldValue) bool {
			t := text(f.Value)
			return t == null || len(t) > longestRow
		})
	})
}

// sheet is the CSV of a job.
type sheet struct {
	text []byte
	key  string         // the column that tells the rows apart
	at   map[string]int // the places of the records, by what stands in it
}

func newSheet(b destinations.Batch) (sheet, error) {
	s := sheet{key: b.Identifier, at: make(map[string]int, len(b.Records))}
	if b.Op != destinations.Upsert && b.Op != destinations.Insert {
		s.key = recordID
	}
	columns := []string{s.key}
	column := map[string]int{s.key: 0}
	rows := make([][]string, len(b.Records))
	for i, r := range b.Records {
		id, fields := named(b, r)
		rows[i] = append(make([]string, 0, len(columns)), id)
		for _, f := range fields {
			n, known := column[f.Name]
			if !known {
				n = len(columns)
				columns, column[f.Name] = append(columns, f.Name), n
			}
			for len(rows[i]) <= n {
				rows[i] = append(rows[i], "")
			}
			if rows[i][n] = text(f.Value); rows[i][n] == "" {
				rows[i][n] = null
			}
		}
		s.at[rows[i][0]] = i
	}
	var buffer bytes.Buffer
	w := csv.NewWriter(&buffer)
	if err := w.Write(columns); err != nil {
		return s, err
	}
	for _, row := range rows {
		for len(row) < len(columns) {
			row = append(row, "")
		}
		if err := w.Write(row); err != nil {
			return s, err
		}
	}
	w.Flush()
	s.text = buffer.Bytes()
	return s, w.Error()
}

// finding is what a file of a job says of a record.
type finding struct{ id, fault string }

// read reads a file of a job, and gives what it says of the record at each place. Rows of no record are passed over.
func (s sheet) read(file []byte, take func(at int, f finding)) error {
	r := csv.NewReader(bytes.NewReader(file))
	r.FieldsPerRecord = -1
	header, err := r.Read()
	if err == io.EOF {
		return nil // Salesforce leaves an empty file without a header
	}
	key := slices.Index(header, s.key)
	id, message := slices.Index(header, "sf__Id"), slices.Index(header, "sf__Error")
	if s.key == recordID && key < 0 {
		key = id
	}
	if err != nil || key < 0 {
		return fmt.Errorf("a file of the job has no column %s", s.key)
	}
	cell := func(row []string, n int) string {
		if n < 0 || n >= len(row) {
			return ""
		}
		return row[n]
	}
	for {
		row, err := r.Read()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("a file of the job is no CSV: %w", err)
		}
		if at, ok := s.place(cell(row, key)); ok {
			take(at, finding{id: cell(row, id), fault: cell(row, message)})
		}
	}
}

// place finds a record by its cell; an id may have been made longer by the three letters that repeat its case.
func (s sheet) place(text string) (int, bool) {
	at, ok := s.at[text]
	if !ok && s.key == recordID && len(text) == 18 {
		at, ok = s.at[text[:15]]
	}
	return at, ok
}

// jobFault is what stands in sf__Error: CODE:message:fields --.
var jobFault = regexp.MustCompile(`(?s)^([A-Z_]+):(.*?)(?::([\w, ]*?) *--)?$`)

func parseFault(text string) fault {
	m := jobFault.FindStringSubmatch(text)
	if m == nil {
		return fault{Message: text}
	}
	f := fault{StatusCode: m[1], Message: m[2]}
	if m[3] != "" {
		f.Fields = strings.Split(m[3], ",")
	}
	return f
}

// jobRequest asks for a job.
func jobRequest(b destinations.Batch) ([]byte, error) {
	operation := map[destinations.Op]string{
		destinations.Upsert: "upsert", destinations.Insert: "insert", destinations.Update: "update", destinations.Clear: "update",
		destinations.Delete: "delete",
	}[b.Op]
	request := struct {
		Object    string `json:"object"`
		Content   string `json:"contentType"`
		Operation string `json:"operation"`
		External  string `json:"externalIdFieldName,omitempty"`
		LineEnd   string `json:"lineEnding"`
		Delimiter string `json:"columnDelimiter"`
	}{Object: b.Object, Content: "CSV", Operation: operation, LineEnd: "LF", Delimiter: "COMMA"}
	if b.Op == destinations.Upsert {
		request.External = b.Identifier
	}
	return json.Marshal(request)
}
