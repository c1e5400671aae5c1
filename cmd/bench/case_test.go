package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	destinationsall "spillway/destinations/all"
	"spillway/diffstore"
	"spillway/diffstore/snapshot"
	"spillway/syncer"
	"spillway/syncer/project"
	warehouseall "spillway/warehouse/all"
)

// runCase is the main of a measured process. It prints its figures as JSON.
func runCase(text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	var f figures
	watch := watchMemory()
	started := time.Now()
	var err error
	switch t.Do {
	case "scan":
		f.Rows, err = scan(t)
	case "plan", "adopt":
		err = work(t, &f)
	default:
		err = fmt.Errorf("there is no case %q", t.Do)
	}
	if err != nil {
		return err
	}
	f.Wall = time.Since(started)
	f.Anon, f.File = watch()
	return json.NewEncoder(os.Stdout).Encode(f)
}

// scan reads the rows as they come over the wire and drops them: the floor.
func scan(t task) (int64, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, t.DSN)
	if err != nil {
		return 0, err
	}
	rows, err := conn.Query(ctx, "select * from "+pgx.Identifier{t.Table}.Sanitize())
	if err != nil {
		return 0, err
	}
	var n int64
	for rows.Next() {
		rows.RawValues()
		n++
	}
	return n, errors.Join(rows.Err(), conn.Close(ctx))
}

func work(t task, f *figures) (err error) {
	ctx := context.Background()
	p, problems := project.Load(t.Dir, project.Kinds{Warehouses: warehouseall.Definitions(), Destinations: destinationsall.Definitions()})
	if err := problems.Err(); err != nil {
		return err
	}
	s := *p.Syncs[0]
	s.SQL = "select * from " + pgx.Identifier{t.Table}.Sanitize()
	options := syncer.Options{
		OpenStore: func(s syncer.StoreSettings) (diffstore.Store, error) {
			return snapshot.Open(s.Dir, s.Log, snapshot.WithMemory(s.Memory))
		},
	}
	open := syncer.OpenReadOnly
	if t.Do == "adopt" {
		open = syncer.Open
	}
	e, err := open(ctx, p, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if t.Do == "adopt" {
		f.Rows, _, err = e.Adopt(ctx, &s)
		return err
	}
	plan, err := e.Plan(ctx, &s, false)
	if err != nil {
		return err
	}
	f.Rows, f.Due = plan.Source, plan.Added+plan.Changed+plan.Removed+plan.Carried
	return nil
}

var residentPattern = regexp.MustCompile(`(?m)^(RssAnon|RssFile):\s+(\d+) kB`)

// watchMemory samples the process's resident pages until the function it returns is called, which returns the peaks.
func watchMemory() func() (anon, file int64) {
	var peaks [2]atomic.Int64
	sample := func() {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return // not Linux: the columns stay 0
		}
		for _, m := range residentPattern.FindAllStringSubmatch(string(status), -1) {
			n, _ := strconv.ParseInt(m[2], 10, 64) // the pattern takes digits alone
			at := &peaks[0]
			if m[1] == "RssFile" {
				at = &peaks[1]
			}
			at.Store(max(at.Load(), n*1024))
		}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			sample()
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() (int64, int64) {
		close(stop)
		<-done
		return peaks[0].Load(), peaks[1].Load()
	}
}

// writeReport puts the report into its place in the page.
func writeReport(b *testing.B, file, report string) {
	b.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	const begin, end = "<!-- measured -->\n", "<!-- /measured -->"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		b.Fatalf("%s has no place for the figures", file)
	}
	if err := os.WriteFile(file, []byte(before+begin+"\n"+report+end+after), 0o644); err != nil {
		b.Fatal(err)
	}
}
