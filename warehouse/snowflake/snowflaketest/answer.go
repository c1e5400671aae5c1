//go:build !noduckdb

package snowflaketest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// failure is an error of Snowflake's.
type failure struct {
	code    int
	state   string // SQLSTATE
	message string
	queryID string
}

func (f *failure) Error() string { return f.message }

type answer struct {
	Data    any     `json:"data"`
	Message *string `json:"message"`
	Code    *string `json:"code"`
	Success bool    `json:"success"`
}

func reply(w http.ResponseWriter, data any) { send(w, answer{Data: data, Success: true}) }

func refuse(w http.ResponseWriter, f *failure) {
	code := fmt.Sprintf("%06d", f.code)
	send(w, answer{
		Data:    map[string]any{"sqlState": f.state, "queryId": f.queryID, "internalError": false, "errorCode": code},
		Message: &f.message, Code: &code,
	})
}

// wait tells a client to ask again.
func wait(w http.ResponseWriter, queryID string) {
	code, message := "333333", "Query execution in progress."
	send(w, answer{
		Data: map[string]any{"queryId": queryID, "getResultUrl": "/queries/" + queryID + "/result"}, Message: &message, Code: &code, Success: true,
	})
}

func send(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a) // the client may have gone
}
