package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"spillway/cmd/spillway/words"
	"spillway/diffstore"
	"spillway/syncer"
	"spillway/syncer/project"
)

func (a *app) showVerified(p *project.Project, found []verified) error {
	code := exitDone
	for i := range found {
		if c := codeOf(found[i].err); !found[i].OK && (code == exitDone || c == exitFailed) {
			code = c
		}
	}
	if a.json {
		if err := a.printJSON(map[string]any{"ok": code == exitDone, "syncs": found}); err != nil {
			return err
		}
	} else {
		if len(found) == 0 {
			a.printf("There is no snapshot yet.\n")
		}
		for i := range found {
			a.renderVerified(p, &found[i])
		}
	}
	if code != exitDone {
		return outcome(code)
	}
	return nil
}

func (a *app) renderVerified(p *project.Project, v *verified) {
	note := ""
	if _, ok := p.Sync(v.Sync); !ok {
		note = "; the project has no such sync any more"
	}
	if v.OK {
		a.printf("%s  %s, %s%s\n", text.FgGreen.Sprint("ok    "), safe(v.Sync), words.Plural(v.Keys, "row", "rows"), note)
		return
	}
	a.printf("%s  %s%s\n", text.FgRed.Sprint("FAILED"), safe(v.Sync), note)
	a.indented(v.Error + remedy(v.err, v.Sync))
}

// indented prints text below a line that begins with a mark.
func (a *app) indented(s string) {
	a.printf("        %s\n", strings.ReplaceAll(wrapped(safeLines(s), widest-10), "\n", "\n        "))
}

// remedy says what may be done about a snapshot that is damaged, and what each way costs. An older generation is not
// put back: what was delivered and removed since would be unknown, and a record that it names may be another's by now.
func remedy(err error, sync string) string {
	switch {
	case errors.Is(err, diffstore.ErrSpare):
		return "\n- Look after the disk. The file is replaced when enough has changed."
	case !errors.Is(err, diffstore.ErrCorrupt):
		return ""
	}
	return fmt.Sprintf(`
- A copy of the state directory that was made after the last run may be put back, as a whole.
- spillway reset %[1]s --resend: the next run sends every row again; in insert mode that makes duplicates.
- spillway reset %[1]s --adopt: the rows that the model gives now are taken as delivered; what changed since the last run is not sent.
After a reset, the records of rows that are gone from the source are not removed any more.`, sync)
}

func (a *app) showKnown(rows []syncer.KnownRow) error {
	if a.json {
		return a.printJSON(map[string]any{"rows": rows})
	}
	for i := range rows {
		if i > 0 {
			a.printf("\n")
		}
		a.renderKnown(&rows[i])
	}
	return nil
}

func (a *app) renderKnown(r *syncer.KnownRow) {
	a.printf("%s   key %s\n", text.Bold.Sprint(r.Sync), safe(r.Key))
	line := func(label, format string, args ...any) {
		a.printf("  %-14s%s\n", label, hanging(safeLines(fmt.Sprintf(format, args...))))
	}
	switch {
	case r.Accepted && len(r.Identifiers) > 0:
		line("Delivered", "as %s", r.Identifiers[len(r.Identifiers)-1])
	case r.Accepted:
		line("Delivered", "yes")
	default:
		line("Delivered", "no record of it was accepted")
	}
	if others := formerIdentifiers(r); len(others) > 0 {
		line("Perhaps as", "%s", joined(others))
	}
	if r.Left {
		line("Left", "it is gone from the source, and its record stays where it is")
	}
	if r.Shadowed {
		line("Shadowed", "another row may have overwritten its record")
	}
	if r.Tried != nil {
		line("Last attempt", "%s", attemptText(r.Tried))
	}
	for i := range r.Removals {
		line("Removal", "of %s: %s", r.Removals[i].Identifier, attemptText(&r.Removals[i]))
	}
}

// formerIdentifiers are those, but for the one of the record last accepted, under which a record may stand.
func formerIdentifiers(r *syncer.KnownRow) []string {
	if r.Accepted && len(r.Identifiers) > 0 {
		return slices.Clone(r.Identifiers[:len(r.Identifiers)-1])
	}
	return r.Identifiers
}

func attemptText(t *syncer.KnownAttempt) string {
	var parts []string
	if t.Doubt {
		parts = append(parts, "in doubt: it was sent, and no answer came; it is sent again")
	}
	if t.Refusals > 0 {
		parts = append(parts, fmt.Sprintf("rejected in %s, last with %s", words.Plural(int64(t.Refusals), "run", "runs"), t.Code))
	}
	if len(parts) == 0 {
		parts = append(parts, "put off, and tried again in the next run")
	}
	if t.Since != nil {
		parts = append(parts, "since "+t.Since.Format(time.DateTime)+" UTC")
	}
	return strings.Join(parts, "; ")
}
