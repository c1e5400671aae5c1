package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"spillway/cmd/spillway/telemetry"
	"spillway/cmd/spillway/web"
	"spillway/cmd/spillway/web/access"
	"spillway/cmd/spillway/web/audit"
	"spillway/syncer"
	"spillway/syncer/alert"
	"spillway/syncer/daemon"
	"spillway/syncer/project"
)

func (a *app) serveCommand() *cobra.Command {
	var listen string
	var needsTokens bool
	cmd := &cobra.Command{
		Use: "serve", Short: "Run syncs by their schedules, and serve the pages, the API and metrics", Args: noArguments,
		Long: `Serve keeps the project's syncs running by their schedules and after one another, and serves pages for people, an HTTP
API for programs, and metrics. It reads the project anew when its files change and at SIGHUP; a project with mistakes is
not taken, and the one that runs goes on. SIGTERM or Ctrl-C ends it in order within 35 seconds, with exit code 0: runs in
progress are cut short, and what they had not delivered is sent by the next ones.

By default it listens on this machine alone, and asks for no token there. Another address is refused unless there are
tokens (spillway token create) and either tls_cert and tls_key are set under [serve], or behind_proxy = true.

While it runs, spillway run, retry, reset, forget, runs approve and runs cancel on the same machine are carried out by it.`,
		Example: "  spillway serve\n  spillway serve --listen 127.0.0.1:9000\n  spillway serve --log-format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log-level") {
				a.logLevel = "info" // its log is what is left of it to look at
				if err := a.prepare(); err != nil {
					return err
				}
			}
			p, err := a.loadWith(loadDensely)
			if err != nil {
				return err
			}
			if listen == "" {
				listen = p.Serve.Listen
			}
			s, err := a.newService(p, listen, needsTokens)
			if err != nil {
				return err
			}
			return s.serve(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "the `address` to listen on, host:port (default: listen under [serve]); port 0 takes a free one")
	cmd.Flags().BoolVar(&needsTokens, "require-token", false, "ask for a token on the loopback interface too")
	return cmd
}

// serving is a daemon with what it serves.
type serving struct {
	app      *app
	project  *project.Project
	exposure exposure
	tokens   *access.Tokens
	audit    *audit.Log
	daemon   *daemon.Daemon
	metrics  *telemetry.Metrics
	alerts   *alert.Keeper
	notices  *telemetry.Alerts
	reloads  chan daemon.Reloaded // to be entered into the audit log
	stirred  chan struct{}        // holds a token when something happened
}

// newService refuses what must not be served. It opens nothing.
func (a *app) newService(p *project.Project, listen string, needsTokens bool) (*serving, error) {
	tokens := access.Open(p.State.Dir)
	some, err := tokens.Usable(time.Now())
	if err != nil {
		return nil, err
	}
	e, err := newExposure(listen, p.Serve, needsTokens, some)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return nil, err
	}
	return &serving{
		app: a, project: p, exposure: e, tokens: tokens, audit: audit.New(p.State.Dir, time.Now), metrics: telemetry.New(),
		reloads: make(chan daemon.Reloaded, 16), stirred: make(chan struct{}, 1), notices: telemetry.NewAlerts(),
	}, nil
}

// shutdownTime is how long a daemon may take to end.
const shutdownTime = 35 * time.Second

// serve works until ctx ends, and then in order to its end. That is what a daemon is there for: it is no failure.
func (s *serving) serve(ctx context.Context) (err error) {
	hangups := make(chan os.Signal, 1) // from now on SIGHUP does not end the process
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	options := s.app.engineOptions("serve")
	options.Observer, options.Tracer = syncer.Unobserved{}, telemetry.Tracers{s.metrics}
	if traces := s.app.tracer(); traces != nil {
		options.Tracer = telemetry.Tracers{s.metrics, traces}
	}
	s.daemon, err = daemon.Open(ctx, s.project, daemon.Options{
		Engine: options, Watch: true, Notify: s.notified,
		Load: func() (*project.Project, project.Problems) { return loadDensely(s.project.Root) },
	})
	if err != nil {
		return err
	}
	if err := s.openAlerts(); err != nil {
		return errors.Join(err, s.daemon.Close())
	}
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error { return s.work(working, hangups) })
	ended := make(chan error, 1)
	go func() { ended <- group.Wait() }()
	<-working.Done() // or it failed
	deadline := time.Now().Add(shutdownTime)
	select {
	case err = <-ended:
	case <-time.After(shutdownTime):
		return fmt.Errorf("the daemon did not come to its end within %s; what it left is in doubt and is sent again", shutdownTime)
	}
	s.app.traces.Close(min(traceTime, time.Until(deadline)))
	return errors.Join(err, s.daemon.Close())
}

// work keeps everything going until ctx ends.
func (s *serving) work(ctx context.Context, hangups <-chan os.Signal) (err error) {
	if n, err := s.audit.Verify(); err != nil {
		s.app.log.Error("audit log", "entries", n, "error", err.Error())
	}
	fronts, err := s.listen(ctx)
	if err != nil {
		return err
	}
	secret, err := s.tokens.LocalSecret()
	if err == nil {
		err = whereabouts{URL: fronts.local, Token: secret, PID: os.Getpid()}.write(s.project.State.Dir)
	}
	if err != nil {
		return errors.Join(err, fronts.close())
	}
	defer func() { err = errors.Join(err, os.Remove(whereaboutsFile(s.project.State.Dir))) }()
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error { return s.daemon.Run(working) })
	group.Go(func() error { return fronts.serve(working, s.handler()) })
	group.Go(func() error { return s.reload(working, hangups) })
	group.Go(func() error { return s.watchdog(working) })
	group.Go(func() error { return s.keepReloads(working) })
	group.Go(func() error { return s.keepSmall(working) })
	group.Go(func() error { return s.alerts.Run(working) })
	s.record(audit.Start, fronts.url)
	err = s.announce(fronts.url)
	if err == nil {
		s.tell(stateReady, "Serving at "+fronts.url)
	}
	<-working.Done()
	s.tell(stateStopping, "Stopping")
	err = errors.Join(err, group.Wait())
	s.record(audit.Stop, "")
	return err
}

func (s *serving) handler() web.Options {
	build := web.Build{Version: release, Commit: commit()}
	return web.Options{
		Daemon: s.daemon, Tokens: s.tokens, Audit: s.audit, Log: s.app.log, Build: build,
		Metrics: s.metrics.Handler(s.daemon, s.app.log, time.Now, append(web.ProcessCollectors(build), s.notices)...),
		Alerts:  s.alerts.Statuses,
		Open:    s.exposure.open(), Hosts: s.exposure.hosts(), HTTPS: s.exposure.https(), BehindProxy: s.project.Serve.BehindProxy,
	}
}

// announce says where the daemon is, once it can be reached.
func (s *serving) announce(url string) error {
	if s.app.json {
		return s.app.printJSON(map[string]any{"url": url, "pid": os.Getpid()})
	}
	s.app.printf("Spillway serves the project %s at %s. Ctrl-C ends it.\n", safe(s.project.Name), url)
	return nil
}

// notified hears of what happens in the daemon, and must not keep it waiting.
func (s *serving) notified(e daemon.Event) {
	s.metrics.Notify(e)
	select {
	case s.stirred <- struct{}{}:
	default:
	}
	if concernsAlerts(e) {
		s.alerts.Wake()
	}
	if e.Reloaded == nil {
		return
	}
	select {
	case s.reloads <- *e.Reloaded:
	default: // sixteen of them wait: one more tells nothing new
	}
}

// keepReloads enters into the audit log when the project was read anew.
func (s *serving) keepReloads(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-s.reloads:
			e := audit.Entry{Action: audit.Reload, By: r.By}
			if len(r.Problems) > 0 {
				e.Refused = syncer.CodeConfig
			}
			s.enter(e)
		}
	}
}

func (s *serving) record(action audit.Action, detail string) {
	s.enter(audit.Entry{Action: action, By: processOwner(), Detail: detail})
}

func (s *serving) enter(e audit.Entry) {
	if err := s.audit.Append(context.Background(), e); err != nil {
		s.app.log.Error("audit log not written", "action", string(e.Action), "error", err.Error())
	}
}

// reload reads the project anew at every SIGHUP.
func (s *serving) reload(ctx context.Context, hangups <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			s.tell(stateReloading, "Reading the project anew")
			if err := s.daemon.Reload(ctx, "SIGHUP"); err != nil {
				s.app.log.Error("project not taken", "error", err.Error())
			}
			s.tell(stateReady, "Serving")
		}
	}
}

// front is what listens: at the address that was asked for, and where that is none for the commands on this machine, at
// another one for them.
type front struct {
	listeners []net.Listener
	certs     *certificates // nil: no TLS
	url       string        // for people and programs
	local     string        // for the commands on this machine
	log       *slog.Logger
}

func (s *serving) listen(ctx context.Context) (*front, error) {
	var config net.ListenConfig
	first, err := config.Listen(ctx, "tcp", s.exposure.listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	f := &front{listeners: []net.Listener{first}, url: "http://" + reachable(first.Addr()), log: s.app.log}
	f.local = f.url
	if s.exposure.bothTLSFiles {
		f.url = "https://" + reachable(first.Addr())
		if f.certs, err = newCertificates(s.project.Serve.TLSCert, s.project.Serve.TLSKey); err != nil {
			return nil, errors.Join(configError{err}, f.close())
		}
	}
	if s.exposure.bothTLSFiles || !s.exposure.loopback() {
		second, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for the commands on this machine: %w", err), f.close())
		}
		f.listeners = append(f.listeners, second)
		f.local = "http://" + second.Addr().String()
	}
	return f, nil
}

// reachable is where an address can be reached from this machine.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func (f *front) close() error {
	var errs []error
	for _, l := range f.listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
