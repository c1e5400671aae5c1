package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// testDeployment starts what the manifests for Kubernetes start, as the user that they name and with the project that they
// ask for, and does what a kubelet does.
func testDeployment(s *suite) {
	t := s.t
	p := newSite(s, 10)
	pod := theOnly(t, "Deployment").Spec.Template.Spec
	volume := openDir(t)
	p.stateDir = filepath.Join(volume, "spillway")
	p.destination = "\n" + strings.NewReplacer("/state/spillway", p.stateDir, ":8400", ":0").Replace(inComments(t, "kubernetes.yaml"))
	p.configure()
	if os.Geteuid() == 0 {
		p.as = &syscall.Credential{Uid: uint32(pod.SecurityContext.RunAsUser), Gid: uint32(pod.SecurityContext.RunAsGroup)}
		if err := os.Chown(volume, pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup); err != nil {
			t.Fatal(err)
		}
	}
	p.env = []string{"WAREHOUSE_DSN=" + p.dsn, "HOOK_TOKEN=token-0815"}
	here := func(args []string) []string {
		args = slices.Clone(args)
		args[slices.Index(args, "/project")] = p.dir
		return args
	}
	p.spillway(here(pod.Containers[0].Args)...).exits(exitConfig).says("spillway token create")
	token := strings.TrimSpace(p.spillway(here(theOnly(t, "Job").Spec.Template.Spec.Containers[0].Args)...).exits(exitDone).stdout)

	c := p.start(here(pod.Containers[0].Args)...)
	defer func() { _ = c.cmd.Process.Kill() }() // where the test failed
	until(t, func() bool { at, err := readWhereabouts(p.state()); return err == nil && at.PID == c.cmd.Process.Pid })
	address := "http://127.0.0.1:" + listeningPort(t, p)
	get := func(path, host, bearer string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, address+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		status, _ := answerOf(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, r)
		return status
	}
	for name, probe := range map[string]probe{
		"startup": pod.Containers[0].StartupProbe.HTTPGet, "liveness": pod.Containers[0].LivenessProbe.HTTPGet, "readiness": pod.Containers[0].ReadinessProbe.HTTPGet,
	} {
		if len(probe.HTTPHeaders) != 1 || probe.HTTPHeaders[0].Name != "Host" {
			t.Fatalf("the %s probe has the headers %v", name, probe.HTTPHeaders)
		}
		if status := get(probe.Path, probe.HTTPHeaders[0].Value, ""); status != http.StatusOK {
			t.Errorf("the %s probe is answered with %d", name, status)
		}
	}
	for _, tt := range []struct {
		path, host, bearer string
		want               int
	}{
		{"/metrics", "spillway", token, http.StatusOK},
		{"/metrics", "spillway", "", http.StatusUnauthorized},
		{"/metrics", "10.1.2.3:8400", token, http.StatusMisdirectedRequest},
		{"/api/v1/syncs", "spillway.example.com", token, http.StatusOK},
	} {
		if status := get(tt.path, tt.host, tt.bearer); status != tt.want {
			t.Errorf("%s at %s: %d, want %d", tt.path, tt.host, status, tt.want)
		}
	}
	if ended := c.signal(syscall.SIGTERM).exits(exitDone); ended.took > time.Duration(pod.TerminationGracePeriodSeconds)*time.Second {
		t.Errorf("it took %s", ended.took)
	}
}
