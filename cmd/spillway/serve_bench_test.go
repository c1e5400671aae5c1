//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkServe measures what a daemon of ten thousand syncs takes of the memory and of the processor while none of them
// is due. rss is all of its memory, anon what is its own and not a part of the program's file.
func BenchmarkServe(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "spillway")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	dir := manySyncs(b, 10_000)
	for b.Loop() {
		measureServe(b, bin, dir)
	}
}

const manySQL = `-- customers of region %[1]d, as the sales team sees them
select c.customer_id, c.email, c.first_name, c.last_name, c.plan, c.country, c.created_at, c.score, c.owner, c.phone, c.city, c.website, c.mrr
from analytics.customers c
join analytics.subscriptions s on s.customer_id = c.customer_id
where c.region_id = %[1]d
  and c.deleted_at is null
  and s.status in ('active', 'past_due')
`

const manySync = `model       = "%s"
destination = "hook"
object      = "contacts"
key         = "customer_id"
identifier  = "email"
schedule    = "%s"
tags        = ["crm", "%s"]

[fields]
email      = "email"
firstname  = { column = "first_name", default = "there" }
lastname   = "last_name"
plan       = { column = "plan", map = { free = "Free", pro = "Pro" } }
country    = "country"
signup     = { column = "created_at", type = "date" }
lead_score = { column = "score", on_null = "skip" }
owner      = "owner"
phone      = "phone"
city       = "city"
website    = "website"
revenue    = { column = "mrr", type = "number" }

[guard]
max_removed = "10%%"
`

// manySyncs writes a project of so many syncs, none of which is due for hours.
func manySyncs(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	write := func(name, content string) {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	write("spillway.toml", "[project]\nname = \"many\"\n\n[warehouses.files]\ntype = \"duckdb\"\n\n[destinations.hook]\ntype = \"http\"\nurl  = \"http://127.0.0.1:9/{object}\"\n")
	hour := time.Now().UTC().Add(12 * time.Hour).Hour()
	for i := range n {
		model := fmt.Sprintf("model%05d", i)
		write("models/"+model+".sql", fmt.Sprintf(manySQL, i))
		write(fmt.Sprintf("syncs/sync%05d.toml", i), fmt.Sprintf(manySync, model, fmt.Sprintf("%d %d * * *", i%60, hour), fmt.Sprint("region-", i%50)))
	}
	return dir
}

func measureServe(b *testing.B, bin, dir string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "serve", "--project", dir, "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	start := time.Now()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
			b.Error(err)
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	url := servedAt.FindString(line)
	if err != nil || url == "" {
		b.Fatalf("the daemon says %q: %v", line, err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s/start")
	pause(ctx, quiet+15*time.Second)
	busy := processorTime(b, cmd.Process.Pid)
	const watched = 2 * time.Minute
	pause(ctx, watched)
	b.ReportMetric(100*(processorTime(b, cmd.Process.Pid)-busy).Seconds()/watched.Seconds(), "%cpu")
	b.ReportMetric(memory(b, cmd.Process.Pid, "VmRSS")/1000, "MB/rss")
	b.ReportMetric(memory(b, cmd.Process.Pid, "RssAnon")/1000, "MB/anon")
	start = time.Now()
	response, err := http.Get(url + "/metrics")
	if err != nil {
		b.Fatal(err)
	}
	n, err := io.Copy(io.Discard, response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s/scrape")
	b.ReportMetric(float64(n)/1e6, "MB/scrape")
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// memory is a figure of /proc/PID/status, in kB.
func memory(b *testing.B, pid int, name string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == name+":" {
			n, err := strconv.ParseFloat(words[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("there is no %s", name)
	return 0
}

// processorTime is what a process has taken of the processor.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(rest)
	var ticks int64
	for _, word := range words[11:13] { // of a hundredth of a second each
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
