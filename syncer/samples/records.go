package samples

import (
	"encoding/json"
	"slices"
)

// Records are those that a request was about.
type Records struct {
	Count   int
	Problem func(n int) bool // whether the n-th is one whose sample it is

	marks map[mark]bool
}

// mark is a member of a request's record that has another value in all others, such as an id.
type mark struct{ name, value string }

// MarkedBy returns the records with what tells those in question from the others in the request. Answers need not be in
// the order of the request.
func (r Records) MarkedBy(request *Body) Records {
	r.marks = nil
	if !request.json || r.Count < 2 {
		return r
	}
	if document, err := parse([]byte(request.text)); err == nil {
		r.marks = map[mark]bool{}
		r.mark(document)
	}
	return r
}

func (r Records) mark(value any) {
	switch value := value.(type) {
	case object:
		for _, m := range value {
			r.mark(m.value)
		}
	case []any:
		if len(value) == r.Count {
			r.markList(value)
		}
	}
}

// markList finds the marks in a list that has one element a record.
func (r Records) markList(list []any) {
	times := map[mark]int{}
	for _, element := range list {
		scalars("", element, func(m mark) { times[m]++ })
	}
	for n, element := range list {
		if r.Problem(n) {
			scalars("", element, func(m mark) {
				if times[m] == 1 {
					r.marks[m] = true
				}
			})
		}
	}
}

// about reports whether a part of an answer has a mark of a record in question.
func (r Records) about(value any) (found bool) {
	scalars("", value, func(m mark) { found = found || r.marks[m] })
	return found
}

// scalars visits the texts and numbers in value with the names of the members that they belong to.
func scalars(name string, value any, visit func(mark)) {
	switch value := value.(type) {
	case object:
		for _, m := range value {
			scalars(m.name, m.value, visit)
		}
	case []any:
		for _, element := range value {
			scalars(name, element, visit)
		}
	case string:
		visit(mark{name, value})
	case json.Number:
		visit(mark{name, value.String()})
	}
}

// keeps tells which elements of a list stay: those about the records in question, or the first few where none is.
func (r Records) keeps(list []any) func(n int) bool {
	about := func(n int) bool { return r.about(list[n]) }
	switch places := numbers(len(list)); {
	case len(r.marks) > 0 && slices.ContainsFunc(places, about):
		return about
	case len(list) == r.Count && slices.ContainsFunc(places, r.Problem):
		return r.Problem
	}
	return func(n int) bool { return n < few }
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
