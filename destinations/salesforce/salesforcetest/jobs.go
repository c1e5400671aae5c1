package salesforcetest

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// job is one of Bulk API 2.0. It is worked on when its state is asked for the first time after it was closed.
type job struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	Operation string `json:"operation"`
	External  string `json:"externalIdFieldName,omitempty"`
	State     string `json:"state"`
	Message   string `json:"errorMessage,omitempty"`
	Processed int    `json:"numberRecordsProcessed"`
	Failed    int    `json:"numberRecordsFailed"`

	data  string
	files map[string][][]string
}

func (f *Fake) ingest(w http.ResponseWriter, r *http.Request, path []string) {
	if len(path) == 0 && r.Method == http.MethodPost {
		f.open(w, r)
		return
	}
	j := f.jobs[strings.Join(path[:min(1, len(path))], "")]
	switch {
	case j == nil:
		refuse(w, http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	case len(path) == 2 && path[1] == "batches" && r.Method == http.MethodPut:
		if j.data != "" || r.Header.Get("Content-Type") != "text/csv" {
			refuse(w, http.StatusBadRequest, "INVALID_CONTENT", "Found multiple contents for job: "+j.ID)
			return
		}
		text, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		j.data = string(text)
		w.WriteHeader(http.StatusCreated)
	case len(path) == 1 && r.Method == http.MethodPatch:
		var body struct{ State string }
		if json.NewDecoder(r.Body).Decode(&body) != nil || j.State != "Open" {
			refuse(w, http.StatusBadRequest, "INVALIDJOBSTATE", "Job is not open")
			return
		}
		j.State = body.State
		say(w, http.StatusOK, j)
	case len(path) == 1 && r.Method == http.MethodGet:
		switch j.State {
		case "UploadComplete":
			f.work(j)
			j.State = "InProgress"
		case "InProgress":
			j.State = "JobComplete"
			if j.Message != "" {
				j.State = "Failed"
			}
		}
		say(w, http.StatusOK, j)
	case len(path) == 2 && j.files[path[1]] != nil:
		w.Header().Set("Content-Type", "text/csv; charset=UTF-8")
		c := csv.NewWriter(w)
		if err := c.WriteAll(j.files[path[1]]); err != nil {
			panic(err)
		}
	default:
		refuse(w, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method not allowed")
	}
}

func (f *Fake) open(w http.ResponseWriter, r *http.Request) {
	j := &job{State: "Open"}
	if err := json.NewDecoder(r.Body).Decode(j); err != nil || objects[j.Object] == nil || f.NoJobs {
		refuse(w, http.StatusBadRequest, "INVALIDENTITY", "Entity '"+j.Object+"' is not supported by the Bulk API.")
		return
	}
	f.Jobs++
	j.ID = fmt.Sprintf("750xx%010dAAA", f.Jobs)
	f.jobs[j.ID] = j
	say(w, http.StatusOK, j)
}

// work does what a job asks for, and writes its files, the last records first.
func (f *Fake) work(j *job) {
	rows, err := csv.NewReader(strings.NewReader(j.data)).ReadAll()
	if err != nil || len(rows) == 0 {
		j.Message = "InvalidBatch : the data is no CSV"
		return
	}
	header := rows[0]
	done := [][]string{}
	failed := [][]string{}
	undone := [][]string{}
	for _, name := range header {
		if column, _, _ := strings.Cut(name[strings.Index(name, ":")+1:], "."); !known(j.Object, column) {
			j.Message = "InvalidBatch : Field name not found : " + name
		}
	}
	for i, row := range rows[1:] {
		if f.StopAfter > 0 && i >= f.StopAfter {
			j.Message = "InternalServerError : the job was stopped"
		}
		if j.Message != "" {
			undone = append(undone, row)
			continue
		}
		id, created, wrong := f.apply(j, header, row)
		if f.Silent != "" && slices.Contains(row, f.Silent) {
			continue
		}
		j.Processed++
		if wrong != nil {
			j.Failed++
			failed = append(failed, append([]string{id, wrong.StatusCode + ":" + wrong.Message + ":" + strings.Join(wrong.Fields, ",") + " --"}, row...))
			continue
		}
		done = append(done, append([]string{id, strconv.FormatBool(created)}, row...))
	}
	slices.Reverse(done)
	slices.Reverse(failed)
	j.files = map[string][][]string{
		"successfulResults":  append([][]string{append([]string{"sf__Id", "sf__Created"}, header...)}, done...),
		"failedResults":      append([][]string{append([]string{"sf__Id", "sf__Error"}, header...)}, failed...),
		"unprocessedrecords": append([][]string{header}, undone...),
	}
}

// apply does with one row what the job asks for.
func (f *Fake) apply(j *job, header, row []string) (string, bool, *fault) {
	record := map[string]json.RawMessage{}
	for i, name := range header {
		kind := "string"
		if at := slices.IndexFunc(objects[j.Object], func(f Field) bool { return f.Name == name }); at >= 0 {
			kind = objects[j.Object][at].Type
		}
		value := quote(row[i])
		switch {
		case row[i] == "":
			continue
		case row[i] == "#N/A":
			value = json.RawMessage("null")
		case slices.Contains([]string{"double", "int", "boolean"}, kind):
			value = json.RawMessage(row[i])
		}
		if name == "Id" {
			name = "id"
		}
		if path, field, nested := strings.Cut(name, "."); nested {
			of, relationship, several := strings.Cut(path, ":")
			if !several {
				of, relationship = "", path
			}
			parent, err := json.Marshal(object{"attributes": object{"type": of}, field: value})
			if err != nil {
				panic(err)
			}
			name, value = relationship, parent
		}
		record[name] = value
	}
	if j.Operation == "delete" {
		id := unquote(record["id"])
		return id, false, f.remove(id)
	}
	return f.write(j.Object, j.External, j.Operation == "insert", record)
}
