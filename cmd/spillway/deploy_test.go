package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oasdiff/yaml"

	"spillway/syncer/project"
)

const deploy = docs + "/deploy/"

// deployed is what the files under docs/deploy start, by where it stands.
func deployed(t *testing.T) map[string][]string {
	t.Helper()
	lines := map[string][]string{}
	for _, m := range append(manifests(t, "kubernetes.yaml"), manifests(t, "kubernetes-token.yaml")...) {
		for _, c := range m.Spec.Template.Spec.Containers {
			lines["kubernetes "+c.Name] = c.Args
		}
	}
	image := dockerfile(t)
	var entry, cmd []string
	for instruction, into := range map[string]*[]string{"ENTRYPOINT": &entry, "CMD": &cmd} {
		if err := json.Unmarshal([]byte(image[instruction]), into); err != nil {
			t.Fatalf("%s %s: %v", instruction, image[instruction], err)
		}
	}
	lines["Dockerfile"] = cmd
	start := strings.Fields(unit(t)["ExecStart"])
	lines["spillway.service"] = start[1:]
	if len(entry) != 1 || entry[0] != start[0] || !strings.Contains(string(deployFile(t, "Dockerfile")), " /spillway "+entry[0]+"\n") {
		t.Errorf("the program is at %v and at %s", entry, start[0])
	}
	return lines
}

func deployFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(deploy + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// dockerfile are the last instructions of each kind.
func dockerfile(t *testing.T) map[string]string {
	t.Helper()
	last := map[string]string{}
	for line := range strings.Lines(string(deployFile(t, "Dockerfile"))) {
		if instruction, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok && instruction == strings.ToUpper(instruction) {
			last[instruction] = rest
		}
	}
	return last
}

// unit are the settings of the systemd unit. Of one that is there several times it is the last.
func unit(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(string(deployFile(t, "spillway.service"))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			all[name] = value
		}
	}
	return all
}

// manifest is what is looked at of an object of Kubernetes.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Replicas int
		Strategy struct{ Type string }
		Selector map[string]json.RawMessage
		Ports    []struct{ TargetPort string }
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				TerminationGracePeriodSeconds int
				SecurityContext               struct {
					RunAsUser, RunAsGroup, FSGroup int
					FSGroupChangePolicy            string
				}
				Containers []container
				Volumes    []struct {
					Name                  string
					PersistentVolumeClaim struct{ ClaimName string }
				}
			}
		}
	}
}

type container struct {
	Name  string
	Args  []string
	Ports []struct {
		Name          string
		ContainerPort int
	}
	VolumeMounts []struct{ Name, MountPath string }

	StartupProbe, LivenessProbe, ReadinessProbe *struct{ HTTPGet probe }
}

// probe is a request by which a kubelet asks how a container is.
type probe struct {
	Path, Port  string
	HTTPHeaders []struct{ Name, Value string }
}

func manifests(t *testing.T, file string) []manifest {
	t.Helper()
	var all []manifest
	for document := range bytes.SplitSeq(deployFile(t, file), []byte("\n---\n")) {
		var m manifest
		text, err := yaml.YAMLToJSON(document)
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, m)
	}
	return all
}

// theOnly is the only one of a kind.
func theOnly(t *testing.T, kind string) manifest {
	t.Helper()
	for _, m := range append(manifests(t, "kubernetes.yaml"), manifests(t, "kubernetes-token.yaml")...) {
		if m.Kind == kind {
			return m
		}
	}
	t.Fatalf("there is no %s", kind)
	return manifest{}
}

// TestCommandLinesOfTheDeployFilesAreOurs has the command read every one of them.
func TestCommandLinesOfTheDeployFilesAreOurs(t *testing.T) {
	t.Parallel()
	all := deployed(t)
	if len(all) != 4 {
		t.Errorf("found %v", slices.Collect(maps.Keys(all)))
	}
	for where, args := range all {
		cmd, rest, err := newApp(nil, nil, nil).root().Find(args)
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err == nil && cmd.Args != nil {
			err = cmd.Args(cmd, cmd.Flags().Args())
		}
		if err != nil || !cmd.Runnable() {
			t.Errorf("%s: %v: %v", where, args, err)
		}
	}
}

// recommended is the part of spillway.toml that stands in the comments of a file, as a project.
func recommended(t *testing.T, file string) *project.Project {
	t.Helper()
	dir := t.TempDir()
	text := "[project]\nname = \"deployed\"\n" + inComments(t, file)
	if err := os.WriteFile(filepath.Join(dir, "spillway.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, problems := project.Load(dir, kinds())
	if err := problems.Err(); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

var tomlInComment = regexp.MustCompile(`(?m)^# {3}(\[.*\]|\w+ = .*)$`)

func inComments(t *testing.T, file string) string {
	t.Helper()
	var b strings.Builder
	for _, m := range tomlInComment.FindAllStringSubmatch(string(deployFile(t, file)), -1) {
		b.WriteString(m[1] + "\n")
	}
	return b.String()
}

// TestTheDeployFilesFitTheProgram compares times, ports, users and directories.
func TestTheDeployFilesFitTheProgram(t *testing.T) {
	t.Parallel()
	pod := theOnly(t, "Deployment").Spec.Template.Spec
	c := pod.Containers[0]
	image, settings := dockerfile(t), unit(t)
	seconds := func(text string) time.Duration {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Error(err)
		}
		return time.Duration(n) * time.Second
	}
	if grace := seconds(strconv.Itoa(pod.TerminationGracePeriodSeconds)); grace <= shutdownTime || seconds(settings["TimeoutStopSec"]) <= shutdownTime {
		t.Errorf("an end may take %s", shutdownTime)
	}
	port := fmt.Sprint(c.Ports[0].ContainerPort)
	for _, file := range []string{"Dockerfile", "kubernetes.yaml"} {
		p := recommended(t, file)
		if !strings.HasSuffix(p.Serve.Listen, ":"+port) || image["EXPOSE"] != port || !p.Serve.BehindProxy {
			t.Errorf("%s: it listens at %s, and port %s is exposed", file, p.Serve.Listen, image["EXPOSE"])
		}
		if volume := image["VOLUME"]; filepath.Dir(p.State.Dir) != volume || c.VolumeMounts[1].MountPath != volume {
			t.Errorf("%s: the state is in %s, and the volume at %s", file, p.State.Dir, volume)
		}
	}
	if p := recommended(t, "spillway.service"); filepath.Dir(p.State.Dir) != "/var/lib/"+settings["StateDirectory"] {
		t.Errorf("the state is in %s", p.State.Dir)
	}
	user := fmt.Sprintf("--chown=%d:%d", pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup)
	if !strings.Contains(image["COPY"], user) || !strings.HasSuffix(image["FROM"], ":nonroot") {
		t.Errorf("the image is for another user than %s", user)
	}
	if settings["Type"] != "notify" || settings["WatchdogSec"] == "" || !strings.Contains(settings["ExecReload"], "-HUP $MAINPID") {
		t.Errorf("the unit is %v", settings)
	}
}

// TestTheManifestsFitEachOther: names must be those of something.
func TestTheManifestsFitEachOther(t *testing.T) {
	t.Parallel()
	deployment, service, claim, job := theOnly(t, "Deployment").Spec, theOnly(t, "Service").Spec, theOnly(t, "PersistentVolumeClaim"), theOnly(t, "Job").Spec
	labels := deployment.Template.Metadata.Labels
	if string(service.Selector["app"]) != strconv.Quote(labels["app"]) || !strings.Contains(string(deployment.Selector["matchLabels"]), strconv.Quote(labels["app"])) {
		t.Errorf("pods have the labels %v", labels)
	}
	if deployment.Replicas != 1 || deployment.Strategy.Type != "Recreate" {
		t.Errorf("two daemons would meet at one state directory: %d, %s", deployment.Replicas, deployment.Strategy.Type)
	}
	c := deployment.Template.Spec.Containers[0]
	for _, port := range []string{c.StartupProbe.HTTPGet.Port, c.LivenessProbe.HTTPGet.Port, c.ReadinessProbe.HTTPGet.Port, service.Ports[0].TargetPort} {
		if port != c.Ports[0].Name {
			t.Errorf("there is no port %s", port)
		}
	}
	for _, pod := range []manifest{theOnly(t, "Deployment"), theOnly(t, "Job")} {
		spec := pod.Spec.Template.Spec
		if spec.SecurityContext.FSGroup != spec.SecurityContext.RunAsGroup || spec.SecurityContext.FSGroupChangePolicy != "OnRootMismatch" {
			t.Errorf("%s: the state directory is refused when others may look into it: %+v", pod.Kind, spec.SecurityContext)
		}
		var volumes []string
		for _, v := range spec.Volumes {
			volumes = append(volumes, v.Name)
			if v.Name == "state" && v.PersistentVolumeClaim.ClaimName != claim.Metadata.Name {
				t.Errorf("%s: there is no claim %s", pod.Kind, v.PersistentVolumeClaim.ClaimName)
			}
		}
		for _, m := range spec.Containers[0].VolumeMounts {
			if !slices.Contains(volumes, m.Name) {
				t.Errorf("%s: there is no volume %s", pod.Kind, m.Name)
			}
		}
	}
	if fmt.Sprint(job.Template.Spec.Containers[0].VolumeMounts) != fmt.Sprint(c.VolumeMounts) {
		t.Error("the token is made elsewhere than the daemon looks for it")
	}
}

// TestSystemdTakesTheUnit has systemd itself, where it is, check the unit and rate how far it is shut off.
func TestSystemdTakesTheUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // it is a part of systemd, which not every machine has
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "spillway.service")
	text := bytes.ReplaceAll(deployFile(t, "spillway.service"), []byte("/usr/local/bin/spillway"), []byte(program))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", file}, {"security", "--offline=true", "--threshold=20", file}} {
		out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput()
		if err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}
