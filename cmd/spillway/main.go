// Command spillway sends the rows of a warehouse that changed to the services where people work with them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones, where the system has none
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code. The first signal asks the work to end; a second one ends
// the process at once.
func run(args []string, in *os.File, out, errout *os.File) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		for n := 0; ; n++ {
			s, ok := (<-signals).(syscall.Signal)
			if !ok || n > 0 {
				os.Exit(exitSignal + int(s))
			}
			cancel(signalled{s})
		}
	}()
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE) // a reader of stdout that leaves must not end a run half-way; see output
	defer signal.Stop(pipe)
	a := newApp(in, out, errout)
	return a.exitCode(ctx, a.execute(ctx, args))
}
