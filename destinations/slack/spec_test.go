package slack

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"spillway/destinations/destinationtest"
	"spillway/destinations/destinationtest/vendorspec"
	"spillway/destinations/slack/slacktest"
)

// held is a stand-in whose requests, and the errors it answers with, are held to Slack's document. That is one of OpenAPI 2
// with lists of types where it allows one, so that no library reads it whole; its parameters are those of a form, which
// Slack takes as JSON too.
type held struct {
	*slacktest.Fake
	t     *testing.T
	paths map[string]map[string]operation
}

type operation struct {
	Parameters []struct {
		Name     string `json:"name"`
		In       string `json:"in"`
		Type     string `json:"type"`
		Required bool   `json:"required"`
	} `json:"parameters"`
	Responses map[string]struct {
		Schema struct {
			Properties struct {
				Error struct {
					Enum []string `json:"enum"`
				} `json:"error"`
			} `json:"properties"`
		} `json:"schema"`
	} `json:"responses"`
}

// service returns what makes a stand-in for each test.
func service(t *testing.T) func(*testing.T) destinationtest.Service {
	t.Helper()
	dir := os.Getenv(vendorspec.Env)
	if dir == "" {
		t.Logf("requests are not held to Slack's document: %s names no directory of vendors' documents", vendorspec.Env)
		return func(*testing.T) destinationtest.Service { return slacktest.New() }
	}
	text, err := os.ReadFile(filepath.Join(dir, "slack", "slack_web_openapi_v2.json"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) destinationtest.Service { return held{slacktest.New(), t, document.Paths} }
}

func (h held) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		h.t.Errorf("read a request: %v", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	path, method := strings.TrimPrefix(r.URL.Path, "/api"), strings.ToLower(r.Method)
	known, ok := h.paths[path][method]
	if !ok {
		h.t.Errorf("the document has no %s %s", r.Method, path)
	}
	sent := map[string]any{}
	for name := range r.URL.Query() {
		sent[name] = r.URL.Query().Get(name)
	}
	if len(body) > 0 && json.Unmarshal(body, &sent) != nil {
		h.t.Errorf("%s: the request is no object of JSON: %s", path, body)
	}
	if err := known.schema().VisitJSON(sent); err != nil {
		h.t.Errorf("%s: %v\nrequest: %s", path, err, body)
	}
	answer := &heard{ResponseWriter: w}
	h.Fake.ServeHTTP(answer, r)
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(answer.body.Bytes(), &said) == nil && said.Error != "" && !known.errs(said.Error) {
		h.t.Errorf("%s: the document has no error %q", path, said.Error)
	}
}

// schema is that of a request, without the token, which is sent as a header. Blocks and attachments are the text of a list
// in a form, and a list in JSON; the ts of a message is a number in one place of the document and a text in all others.
func (o operation) schema() *openapi3.Schema {
	types := map[string]*openapi3.Schema{
		"boolean": openapi3.NewBoolSchema(), "integer": openapi3.NewIntegerSchema(), "number": openapi3.NewFloat64Schema(), "string": openapi3.NewStringSchema(),
		"ts": openapi3.NewStringSchema(), "blocks": openapi3.NewArraySchema(), "attachments": openapi3.NewArraySchema(),
	}
	schema := openapi3.NewObjectSchema().WithoutAdditionalProperties()
	for _, p := range o.Parameters {
		of, ok := types[p.Name]
		if !ok {
			of = types[p.Type]
		}
		if p.Name == "token" {
			continue
		}
		schema = schema.WithProperty(p.Name, of)
		if p.Required {
			schema.Required = append(schema.Required, p.Name)
		}
	}
	return schema
}

func (o operation) errs(code string) bool {
	return slices.Contains(o.Responses["default"].Schema.Properties.Error.Enum, code)
}

// heard keeps what was answered.
type heard struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.body.Write(p)
	return h.ResponseWriter.Write(p)
}
