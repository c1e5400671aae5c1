package runlog

import (
	"cmp"
	"regexp"
	"slices"
)

const (
	maxGroups     = 100 // further causes are counted under their code alone
	maxSampleKeys = 5
)

// Groups gathers rows by their code and by their reason without its particulars. The zero Groups is empty.
type Groups struct {
	byCause map[[2]string]*ErrorGroup
}

// Add counts row to the group of its cause.
func (g *Groups) Add(row Row) {
	if g.byCause == nil {
		g.byCause = map[[2]string]*ErrorGroup{}
	}
	cause := [2]string{row.Code, General(row.Reason)}
	group, ok := g.byCause[cause]
	if !ok {
		if len(g.byCause) >= maxGroups {
			cause[1] = "other reasons"
		}
		if group, ok = g.byCause[cause]; !ok {
			group = &ErrorGroup{Code: cause[0], Message: cause[1]}
			g.byCause[cause] = group
		}
	}
	group.Count++
	if row.Key != "" && len(group.SampleKeys) < maxSampleKeys && !slices.Contains(group.SampleKeys, row.Key) {
		group.SampleKeys = append(group.SampleKeys, row.Key)
	}
}

// List returns the groups, most frequent first.
func (g *Groups) List() []ErrorGroup {
	list := make([]ErrorGroup, 0, len(g.byCause))
	for _, group := range g.byCause {
		list = append(list, *group)
	}
	slices.SortFunc(list, func(a, b ErrorGroup) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return list
}

// particulars are the parts of a reason that differ from row to row: quoted text, e-mail addresses, long
// identifiers and numbers.
var particulars = regexp.MustCompile("\"[^\"]*\"|'[^']*'|`[^`]*`|[^\\s<>()\\[\\]]+@[^\\s<>()\\[\\]]+|\\b[0-9a-fA-F-]{12,}\\b|\\b\\d+(?:[.,]\\d+)*\\b")

// General is a reason without what differs from row to row.
func General(reason string) string { return particulars.ReplaceAllString(reason, "…") }
