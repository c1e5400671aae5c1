package project

import (
	"slices"
	"strings"

	"spillway/syncer/settings"
)

// buildAfter keeps where the sync says what it runs after. What it names is judged once all syncs are known.
func (d *draft) buildAfter() {
	e, ok := d.table.Get("after")
	if !ok || d.partial {
		return
	}
	d.after[d.sync.Name] = e
}

// checkAfter refuses names of syncs that there are not, and syncs that would wait for themselves.
func (l *loader) checkAfter(names []string) {
	if len(l.after) == 0 {
		return
	}
	after := map[string][]string{}
	for _, s := range l.project.Syncs {
		after[s.Name] = s.After
	}
	for _, s := range l.project.Syncs {
		e, ok := l.after[s.Name]
		if !ok {
			continue
		}
		for i, other := range s.After {
			switch {
			case other == s.Name:
				l.refuse(e.Problem("a sync cannot run after itself"))
			case slices.Contains(s.After[:i], other):
				l.refuse(e.Problem("names %s twice", other))
			case !slices.Contains(names, other):
				l.refuse(e.Problem("there is no sync %q%s", other, settings.Hint(other, names)))
			}
		}
		if circle := circleOf(s.Name, after); len(circle) > 0 {
			l.refuse(e.Problem("goes round in a circle: %s", strings.Join(circle, " after ")))
		}
	}
}

// circleOf returns the way from a sync through what it runs after back to itself, or nil where there is none. Of the
// syncs of one circle, the first by name has it.
func circleOf(first string, after map[string][]string) []string {
	seen := map[string]bool{}
	var walk func(way []string) []string
	walk = func(way []string) []string {
		for _, next := range after[way[len(way)-1]] {
			switch {
			case next == first && len(way) > 1:
				return append(way, next)
			case next <= first || seen[next]:
				continue
			}
			seen[next] = true
			if found := walk(append(slices.Clone(way), next)); found != nil {
				return found
			}
		}
		return nil
	}
	return walk([]string{first})
}
