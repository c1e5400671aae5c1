package destinations

import "time"

// Exchange is one attempt at a request that left, and the answer to it.
type Exchange struct {
	At     time.Time     // when it was sent
	Took   time.Duration // until the answer was read, or none came
	Waited time.Duration // before At, for its turn under the account's limit

	Server  string // its host, and its port unless that is the usual one
	Method  string
	Route   string // its path, without a query and without values of records, as logs show it
	Attempt int    // of this request, from 1
	Status  int    // of HTTP; 0 without an answer
	Code    string // of the problem that the answer, or its absence, is; empty for a success

	// Records are those of the batch that the request is about, where that is known: nil stands for any of them.
	Records []Record

	// Content gives what was said, and must not be called after the function that was given the Exchange has returned.
	// It is made when it is asked for, so that whoever only counts does not pay for it.
	Content func() Content
}

// Content is what an exchange said, without the account's secrets. It holds values of records.
type Content struct {
	Request, Answer Message // the zero Message where there was no body
}

// Message is what one side said.
type Message struct {
	Type    string            // the media type as declared, such as "application/json"
	Headers map[string]string // of an answer, those that help to trace it: Retry-After and the ids that services give their requests
	Body    []byte
}
