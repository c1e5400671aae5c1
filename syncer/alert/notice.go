package alert

import (
	"strings"

	"github.com/dustin/go-humanize"
)

// Detail is one line of a notice for people.
type Detail struct{ Name, Value string }

// Details are what a notice says beside its summary and its link, in the order in which people want to know it.
func (n Notice) Details() []Detail {
	var list []Detail
	add := func(name, value string) {
		if value != "" {
			list = append(list, Detail{name, value})
		}
	}
	add("Project", n.Project)
	add("Sync", n.Sync)
	if r := n.Run; r != nil {
		add("Run", r.ID)
		add("State", string(r.State))
		add("Error", r.Code)
		add("Rows read", count(r.Source))
		add("Operations", r.outcomes())
		add("Invalid rows", count(r.Invalid))
	}
	add("Alert", n.Alert)
	add("Trigger", string(n.Trigger))
	add("Time", n.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	return list
}

func count(n int64) string {
	if n == 0 {
		return ""
	}
	return humanize.Comma(n)
}

// outcomes are what became of a run's operations, of those that there are.
func (r *Run) outcomes() string {
	var parts []string
	for _, o := range []struct {
		n    int64
		word string
	}{
		{r.Accepted, "accepted"}, {r.Rejected, "rejected"}, {r.Deferred, "deferred"}, {r.Unknown, "unknown"}, {r.Held, "held"}, {r.Quarantined, "in quarantine"},
	} {
		if o.n > 0 {
			parts = append(parts, humanize.Comma(o.n)+" "+o.word)
		}
	}
	return strings.Join(parts, ", ")
}

// Subject is the notice in one line, with its project and state.
func (n Notice) Subject() string {
	state := ""
	if n.State == Resolved {
		state = " resolved:"
	}
	return "[" + n.Project + "]" + state + " " + strings.TrimSuffix(n.Summary, ".")
}

// Text is the notice as plain text, with lines of at most one detail.
func (n Notice) Text() string {
	var b strings.Builder
	b.WriteString(n.Summary + "\n\n")
	for _, d := range n.Details() {
		b.WriteString(d.Name + ": " + d.Value + "\n")
	}
	if n.Link != "" {
		b.WriteString("\n" + n.Link + "\n")
	}
	return b.String()
}
