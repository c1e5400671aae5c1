package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"spillway/syncer/runlog"
)

// Every secret and every column but the key holds a canary. Those that a service quotes in its reasons are apart, for
// they may stand in the run log; so are identifiers, which name a record there.
const (
	canarySecret = "canary-secret-"
	canaryValue  = "canary-value-"
	canaryQuoted = "canary-quoted-"
)

// testCanaries looks for canaries in all that comes out of the command, and in its state directory while it runs and
// after it.
func testCanaries(s *suite) {
	t := s.t
	p := newSite(s, 40)
	p.env = append(p.env,
		"WAREHOUSE_DSN="+strings.Replace(p.dsn, "postgres@", "postgres:"+canarySecret+"dsn@", 1),
		"HOOK_TOKEN="+canarySecret+"token", "HOOK_SIGN=whsec_"+base64.StdEncoding.EncodeToString([]byte(canarySecret+"signing")))
	p.write("team.secret", canarySecret+"file\n")
	p.destination = fmt.Sprintf("signing_secret = { env = \"HOOK_SIGN\" }\nheaders = { X-Team = { file = %q }, X-App = { command = [\"echo\", %q] } }\n",
		filepath.Join(p.dir, "team.secret"), canarySecret+"command")
	p.write("team.secret", canarySecret+"file\n")
	p.sync = `retry = { attempts = 1, give_up = { runs = 2 } }
[fields]
email = "email"
name = "name"
plan = { column = "plan", map = { canary-value-plan = "Pro" } }
note = { expr = "note + '!'" }
score = { column = "score", type = "integer" }`
	p.write("models/people.sql", "select id, email, name, plan, note, score from people\n")
	p.guard = `max_invalid = "50%"`
	p.configure()
	p.sql("alter table people alter column score type text")
	p.sql(`update people set name = $1 || 'name-' || id, plan = $1 || 'plan', note = $1 || 'note-' || id, score = '5'`, canaryValue)
	p.sql("update people set plan = $1 || 'unmapped' where id = 3", canaryValue)      // not in the map
	p.sql("update people set score = $1 || 'number' where id = 4", canaryValue)       // no number
	p.sql("update people set name = $1 || id where id between 5 and 7", canaryQuoted) // will be quoted
	w := &watch{t: t, p: p}

	w.spillway(exitDone, "validate")
	w.spillway(exitDone, "doctor")
	w.spillway(exitDone, "plan")
	w.spillway(exitDone, "plan", "--json")
	p.service.answers(quoting)
	w.spillway(exitPartial, "run", "--json")
	w.spillway(exitPartial, "run")
	w.spillway(exitDone, "run", "--log-format", "json") // what was rejected is given up
	for _, list := range []string{"list", "show last", "rows last", "errors last", "logs last"} {
		args := append([]string{"runs"}, strings.Fields(list)...)
		w.spillway(exitDone, args...)
		w.spillway(exitDone, append(args, "--json")...)
	}
	p.service.answers(func(*request) reply { return reply{status: 500, body: "we lost " + canaryQuoted + "5"} })
	p.sql("update people set score = '6' where id > 10")
	w.spillway(exitPartial, "run", "--json")
	p.service.answers(func(*request) reply { return reply{status: 401, body: "you sent " + canarySecret + "token"} })
	w.spillway(exitFailed, "run", "--json")
	p.service.answers(func(*request) reply { return reply{cut: true} })
	w.spillway(exitPartial, "run")
	p.service.calm()
	w.spillway(exitDone, "retry", "people")
	w.spillway(exitDone, "run", "--json")
	p.sql("delete from people where id > 20")
	if held := w.spillway(exitHeld, "run", "--json").run(); held.State != runlog.Held {
		t.Errorf("the run is %s", held.State)
	}
	w.spillway(exitHeld, "plan", "--json")
	p.sql("update people set note = $1 where id < 20", canaryValue+"again")
	w.spillway(exitHeld, "run")
	if !slices.ContainsFunc(files(t, p.state(), true), func(f file) bool { return bytes.Contains(f.content, []byte(canaryValue)) }) {
		t.Error("the staged plan of a held run has no value: the scan would find nothing anywhere")
	}
	w.spillway(exitDone, "runs", "approve", "last")
	p.write("models/people.sql", "select id, email, name, plan, note, score, nmae from people\n")
	w.spillway(exitFailed, "run", "--json")
	p.write("models/people.sql", "select id, email, name, plan, note, score::int from people\n")
	w.spillway(exitFailed, "run", "--json") // the server quotes a value in its error
	p.write("models/people.sql", "select id, email, name, plan, note, score from people\n")
	w.spillway(exitDone, "run")
	w.spillway(exitDone, "forget", "people", "--key", "9")
	w.spillway(exitDone, "reset", "people", "--resend")
	for _, f := range files(t, p.state(), true) {
		if strings.HasSuffix(f.name, ".plan") {
			t.Errorf("%s is left", f.name)
		}
	}
	if w.looks < 20 {
		t.Errorf("the state directory was looked into %d times while a command ran", w.looks)
	}
	t.Logf("%d commands, %d looks into the state directory while they ran", w.commands, w.looks)
}

// testSampledCanaries looks for the values of masked fields where samples are kept, which a service quotes too, and for
// those of other fields where there are to be samples of them.
func testSampledCanaries(s *suite) {
	t := s.t
	p := newSite(s, 40)
	p.env = append(p.env, "HOOK_TOKEN="+canarySecret+"token")
	p.sync = "[fields]\nemail = \"email\"\nname = \"name\"\nplan = \"plan\"\n"
	p.sql("update people set name = $1 || 'name-' || id, plan = 'shown-' || id", canaryValue)
	p.service.answers(func(r *request) reply {
		var results []string
		for _, rec := range r.Records {
			results = append(results, fmt.Sprintf(`{"id":%q,"status":"rejected","code":"taken","reason":"it is taken","found":{"name":%q,"also":%q}}`,
				rec.ID, canaryValue+"old", strings.ToUpper("see "+string(rec.Fields))))
		}
		return reply{body: `{"results":[` + strings.Join(results, ",") + `]}`}
	})
	w := &watch{t: t, p: p}
	p.destination = "[runlog]\nsamples = \"all\"\nmask = [\"name\"]\n"
	p.configure()
	w.spillway(exitPartial, "run")
	rows := w.spillway(exitDone, "runs", "rows", "last", "--json").stdout
	if !strings.Contains(rows, `"exchanges"`) || !strings.Contains(rows, "shown-7") || !strings.Contains(rows, "•••") {
		t.Errorf("there are no samples: %.2000s", rows)
	}
	if strings.Contains(strings.ToLower(rows), canaryValue) {
		t.Error("a masked value is shown in other letters")
	}
	w.spillway(exitDone, "forget", "people", "--key", "7")
	if rows := w.spillway(exitDone, "runs", "rows", "last", "--json").stdout; strings.Contains(rows, "shown-7") {
		t.Error("a sample of a forgotten key is left")
	}

	p.destination = "[runlog]\nsamples = true\n"
	p.configure()
	p.spillway("run").exits(exitPartial)
	if rows := p.spillway("runs", "rows", "last", "--json").stdout; !strings.Contains(rows, canaryValue) {
		t.Error("without a mask no sample holds a value: the scan would find nothing anywhere")
	}
	p.destination = ""
	p.configure()
	p.spillway("run").exits(exitPartial)
	w.state("after samples were not asked for any more")
}

// quoting rejects some records, with reasons that quote what they hold.
func quoting(r *request) reply {
	var results []string
	for _, rec := range r.Records {
		status := "accepted"
		if slices.Contains([]string{"5", "6", "7"}, rec.Key) {
			status = "rejected"
		}
		results = append(results, fmt.Sprintf(`{"id":%q,"status":%q,"code":"taken","reason":"the name %s%s is taken"}`, rec.ID, status, canaryQuoted, rec.Key))
	}
	return reply{body: `{"results":[` + strings.Join(results, ",") + `]}`}
}

// watch runs commands with the most that they may tell, and looks for canaries.
type watch struct {
	t               *testing.T
	p               *site
	commands, looks int
}

func (w *watch) spillway(code int, args ...string) *done {
	w.t.Helper()
	w.commands++
	c := w.p.start(append(args, "--log-level", "debug")...)
	ended := make(chan struct{})
	seen := make(chan int)
	go func() { seen <- w.during(ended) }()
	d := c.end()
	close(ended)
	w.looks += <-seen
	d.exits(code)
	// A vendor's reason belongs into the run log and what shows it, and nowhere else.
	quotes := args[0] == "runs" || args[0] == "run"
	w.search("stdout of "+d.args, []byte(d.stdout), quotes)
	w.search("stderr of "+d.args, []byte(d.stderr), false)
	w.state("after " + d.args)
	return d
}

// during looks into the state directory until the command ended.
func (w *watch) during(ended chan struct{}) (looks int) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return looks
		case <-tick.C:
			w.state("during a command")
			looks++
		}
	}
}

func (w *watch) state(when string) {
	for _, f := range files(w.t, w.p.state(), false) {
		w.search("the name of "+f.name+" "+when, []byte(f.name), false)
		w.search(f.name+" "+when, f.content, strings.HasPrefix(filepath.Base(f.name), runlog.FileName))
	}
}

func (w *watch) search(where string, content []byte, quotes bool) {
	for _, canary := range []string{canarySecret, canaryValue, canaryQuoted} {
		if canary == canaryQuoted && quotes {
			continue
		}
		if at := bytes.Index(content, []byte(canary)); at >= 0 {
			w.t.Errorf("%s has a canary: %q", where, content[max(0, at-60):min(len(content), at+60)])
		}
	}
}

type file struct {
	name    string
	content []byte
}

// files reads the files under dir, staged plans only if asked to. One that goes meanwhile is none.
func files(t *testing.T, dir string, plans bool) (all []file) {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil
		case err != nil:
			return err
		case !entry.Type().IsRegular() || !plans && strings.HasSuffix(path, ".plan"):
			return nil
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		all = append(all, file{path, content})
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return all
}
