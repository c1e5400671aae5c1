package project

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"spillway/syncer/settings"
)

// SelectorError is a selector that names nothing in the project. It is wrong usage, not a wrong project.
type SelectorError struct {
	Selector string
	Reason   string
}

func (e *SelectorError) Error() string {
	return fmt.Sprintf("selector %q: %s", e.Selector, e.Reason)
}

// Select returns the syncs that any of the selectors names and none of exclude does, by name. No selector names them
// all. A selector is a sync's name, tag:, destination:, warehouse: or model: and a name, or several of these joined by
// commas, all of which a sync must match; "*" in a name stands for anything. One that names nothing the project has
// gives a *SelectorError.
func (p *Project) Select(selectors, exclude []string) ([]*Sync, error) {
	wanted, err := p.anyOf(selectors)
	if err != nil {
		return nil, err
	}
	unwanted, err := p.anyOf(exclude)
	if err != nil {
		return nil, err
	}
	var selected []*Sync
	for _, s := range p.Syncs {
		if (len(selectors) == 0 || wanted(s)) && !unwanted(s) {
			selected = append(selected, s)
		}
	}
	return selected, nil
}

type matcher func(*Sync) bool

// anyOf matches what one of the selectors matches.
func (p *Project) anyOf(selectors []string) (matcher, error) {
	var any []matcher
	for _, selector := range selectors {
		m, err := p.allOf(selector)
		if err != nil {
			return nil, err
		}
		any = append(any, m)
	}
	return func(s *Sync) bool {
		return slices.ContainsFunc(any, func(m matcher) bool { return m(s) })
	}, nil
}

// allOf matches what every part of the selector matches.
func (p *Project) allOf(selector string) (matcher, error) {
	var all []matcher
	for part := range strings.SplitSeq(selector, ",") {
		m, err := p.one(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return func(s *Sync) bool {
		return !slices.ContainsFunc(all, func(m matcher) bool { return !m(s) })
	}, nil
}

// method is a way to name syncs.
type method struct {
	prefix string
	noun   string
	known  []string             // every name that the project has
	of     func(*Sync) []string // the names of one sync
}

func (p *Project) methods() []method {
	var names, tags []string
	models := sortedKeys(p.Models)
	for _, s := range p.Syncs {
		names = append(names, s.Name)
		tags = append(tags, s.Tags...)
		models = append(models, s.Model)
	}
	return []method{
		{"", "sync", names, func(s *Sync) []string { return []string{s.Name} }},
		{"tag", "tag", tags, func(s *Sync) []string { return s.Tags }},
		{"destination", "destination", sortedKeys(p.Destinations), func(s *Sync) []string { return []string{s.Destination} }},
		{"warehouse", "warehouse", sortedKeys(p.Warehouses), func(s *Sync) []string { return []string{s.Warehouse} }},
		{"model", "model", models, func(s *Sync) []string { return []string{s.Model} }},
	}
}

func (p *Project) one(selector string) (matcher, error) {
	prefix, pattern, hasPrefix := strings.Cut(selector, ":")
	if !hasPrefix {
		prefix, pattern = "", selector
	}
	methods := p.methods()
	i := slices.IndexFunc(methods, func(m method) bool { return m.prefix == prefix })
	if i < 0 || hasPrefix && prefix == "" {
		known := []string{"tag", "destination", "warehouse", "model"}
		return nil, &SelectorError{selector, fmt.Sprintf("syncs cannot be selected by %q%s", prefix, settings.Hint(prefix, known))}
	}
	m := methods[i]
	if pattern == "" {
		return nil, &SelectorError{selector, "it names nothing"}
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, &SelectorError{selector, "its brackets are not closed"}
	}
	if !slices.ContainsFunc(m.known, matches(pattern)) {
		slices.Sort(m.known)
		return nil, &SelectorError{selector, fmt.Sprintf("there is no such %s%s", m.noun, settings.Hint(pattern, slices.Compact(m.known)))}
	}
	return func(s *Sync) bool { return slices.ContainsFunc(m.of(s), matches(pattern)) }, nil
}

// matches holds names against a pattern; a name that is the pattern itself matches, whatever it holds.
func matches(pattern string) func(string) bool {
	// Slashes stand in the names of inline models; a pattern treats them as any other character.
	flat := strings.ReplaceAll(pattern, "/", "\x00")
	return func(name string) bool {
		ok, err := path.Match(flat, strings.ReplaceAll(name, "/", "\x00"))
		return name == pattern || err == nil && ok
	}
}
