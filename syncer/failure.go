package syncer

import (
	"context"
	"errors"

	"spillway/destinations"
	"spillway/diffstore"
	"spillway/syncer/runlog"
	"spillway/syncer/secrets"
	"spillway/warehouse"
)

// The codes of runs that failed or were held.
const (
	CodeGuard       = "guard"
	CodeConfig      = "config"                  // the project does not fit the live systems
	CodeModel       = "model"                   // the model does not give what the mapping reads
	CodeWarehouse   = "warehouse"               // the warehouse refused
	CodeUnavailable = "warehouse.unavailable"   // the warehouse could not be reached, or the result was cut short
	CodeAuth        = "destination.auth"        // credentials refused
	CodeUnreachable = "destination.unreachable" // nothing could be sent
	CodeDestination = "destination"             // the destination failed otherwise
	CodeStore       = "store"                   // the state directory could not be read or written
	CodeBusy        = "store.busy"
	CodeAccounting  = "accounting" // the counts of the run do not add up: a defect
	CodeInterrupted = "interrupted"
	CodeApproval    = "approval" // the held plan can no longer be applied
	CodeInternal    = "internal"
)

// CodeKeyless is the code of removals that wait while rows of the model have no key.
const CodeKeyless = "keyless"

// Temporary reports whether trying again later may help against a failure of this code.
func Temporary(code string) bool {
	switch code {
	case CodeUnavailable, CodeUnreachable, CodeBusy:
		return true
	}
	return false
}

// stateError marks a failure to read or write the state directory.
type stateError struct{ error }

func (e stateError) Unwrap() error { return e.error }

// ofState marks err, if it is one.
func ofState(err error) error {
	if err == nil {
		return nil
	}
	return stateError{err}
}

// failure classifies err for the run log.
func failure(err error) *runlog.Failure {
	return &runlog.Failure{Code: FailureCode(err), Message: err.Error()}
}

// FailureCode returns the code under which err stands in the run log.
func FailureCode(err error) string {
	if _, ok := errors.AsType[*ConfigError](err); ok {
		return CodeConfig
	}
	if _, ok := errors.AsType[*secrets.LookupError](err); ok {
		return CodeConfig
	}
	if _, ok := errors.AsType[*KeyError](err); ok {
		return CodeConfig
	}
	if _, ok := errors.AsType[*ModelError](err); ok {
		return CodeModel
	}
	if w, ok := errors.AsType[*warehouse.Error](err); ok {
		if w.Temporary {
			return CodeUnavailable
		}
		return CodeWarehouse
	}
	for _, class := range []struct {
		err  error
		code string
	}{
		{warehouse.ErrTruncated, CodeUnavailable},
		{destinations.ErrAuth, CodeAuth},
		{destinations.ErrUnreachable, CodeUnreachable},
		{destinations.ErrConfig, CodeConfig},
		{destinations.ErrNoObject, CodeConfig},
		{ErrApproval, CodeApproval},
		{diffstore.ErrBusy, CodeBusy},
		{diffstore.ErrCorrupt, CodeStore},
		{diffstore.ErrKey, CodeConfig},
		{context.Canceled, CodeInterrupted},
	} {
		if errors.Is(err, class.err) {
			return class.code
		}
	}
	if _, ok := errors.AsType[stateError](err); ok {
		return CodeStore
	}
	if d, ok := errors.AsType[*destinations.Error](err); ok && d != nil {
		return CodeDestination
	}
	return CodeInternal
}
