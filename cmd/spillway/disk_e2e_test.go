package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"spillway/syncer/runlog"
)

// testFullDisk fills the disk of the state directory to every degree. Whatever is written when it is full, the command
// says so and fails, and goes on where it was once there is room.
func testFullDisk(s *suite) {
	t := s.t
	p := newSite(s, 5_000)
	small := smallDisk(t, p)
	p.write("spillway.toml", p.read("spillway.toml")+"\n[state]\ndir = \""+filepath.Join(small, "state")+"\"\n")
	ballast := filepath.Join(small, "ballast")
	failed := 0
	const steps = 10
	for step := range steps {
		free := int64(32<<10) << step
		fill(t, ballast, free)
		p.sql("update people set score = score + 1")
		d := p.spillway("run", "--json")
		switch d.code {
		case exitDone: // there was room enough
		case exitFailed:
			failed++
			if !strings.Contains(d.stdout+d.stderr, "disk is full") && !strings.Contains(d.stdout+d.stderr, "no space left on device") {
				t.Errorf("with %d bytes free it does not say that the disk is full:\n%s\n%s", free, d.stdout, d.stderr)
			}
		default:
			t.Errorf("with %d bytes free: exit code %d\n%s\n%s", free, d.code, d.stdout, d.stderr)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if step%3 == 2 {
			p.run(exitDone)
			p.converged()
		}
	}
	if failed == 0 || failed == steps {
		t.Errorf("%d of %d runs met a full disk", failed, steps)
	}
	p.run(exitDone)
	p.converged()
	t.Logf("%d of %d runs met a full disk", failed, steps)
}

// fill makes a file that leaves so many bytes of a disk.
func fill(t *testing.T, file string, leave int64) {
	t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(file), &stat); err != nil {
		t.Fatal(err)
	}
	size := int64(stat.Bavail)*stat.Bsize - leave
	if size < 0 {
		t.Fatalf("the disk has %d bytes less than are to be left", -size)
	}
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

// smallDisk mounts a file system of a few megabytes.
func smallDisk(t *testing.T, p *site) string {
	t.Helper()
	dir := filepath.Join(p.dir, "small")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m,mode=700"); err != nil {
		t.Fatalf("mount a small file system: %v; run this test as root, or in a user namespace: unshare --user --map-root-user --mount go test ./cmd/spillway", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// testReadOnlyState says of a state directory that cannot be written to that it cannot, and still reads it.
func testReadOnlyState(s *suite) {
	t := s.t
	p := newSite(s, 50)
	asNobody(t, p)
	p.run(exitDone)
	p.service.came()
	p.sql("update people set score = score + 1")
	modes := map[string]fs.FileMode{}
	err := filepath.WalkDir(p.state(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			modes[path] = info.Mode().Perm()
			err = os.Chmod(path, info.Mode().Perm()&0o500)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run"}, {"retry", "people"}, {"reset", "people", "--resend"}} {
		p.spillway(args...).exits(exitFailed).says(p.state(), "permission denied")
	}
	if came := p.service.came(); len(came) > 0 {
		t.Errorf("%d requests came", len(came))
	}
	p.spillway("runs", "list").exits(exitDone).says("succeeded")
	// Whether a plan can be made depends on the engine of the snapshots. If not, it says where it is that it cannot.
	if d := p.spillway("plan"); d.code == exitDone {
		d.says("50 to change")
	} else {
		d.exits(exitFailed).says(p.state())
	}
	for path, mode := range modes {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if run := p.run(exitDone); run.Accepted != 50 {
		t.Errorf("%+v", run.Counts)
	}
}

// asNobody has the commands of the site run as a user whom permissions concern, which root is not.
func asNobody(t *testing.T, p *site) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	const id = 65534
	if err := os.Chown(p.dir, id, id); err != nil {
		t.Fatal(err)
	}
	p.as = &syscall.Credential{Uid: id, Gid: id}
	p.env = append(p.env, "HOME="+p.dir)
}

// testDamagedSnapshot refuses a snapshot that is not what was written, and never takes it as empty.
func testDamagedSnapshot(s *suite) {
	t := s.t
	p := newSite(s, 2_000)
	p.run(exitDone)
	p.service.came()
	older := snapshotFiles(t, p)
	p.sql("update people set score = score + 1")
	p.run(exitDone)
	p.sql("update people set score = score + 1 where id <= 3") // so that the journal holds something
	p.run(exitDone)
	p.service.came()
	files := snapshotFiles(t, p)
	for _, ending := range []string{".manifest", ".snap", ".journal", ".key"} {
		file := newest(t, files, ending)
		for how, content := range harmed(files[file]) {
			p.refuses(file, content, fmt.Sprintf("%s, %s", filepath.Base(file), how))
		}
		if before, content := older[newest(t, older, ending)], files[file]; !bytes.Equal(before, content) {
			p.refuses(file, before, filepath.Base(file)+" is an older one")
		}
	}
	if run := p.run(exitDone); run.Same != 2_000 {
		t.Errorf("with the files as they were: %+v", run.Counts)
	}
	if err := os.Remove(newest(t, files, ".snap")); err != nil {
		t.Fatal(err)
	}
	p.spillway("run").exits(exitFailed).says("damaged")
	p.spillway("reset", "people", "--resend").exits(exitDone)
	if run := p.run(exitDone); run.Added != 2_000 || run.State != runlog.Succeeded {
		t.Errorf("after a reset: %+v", run.Counts)
	}
}

// refuses puts content in the place of a file of the snapshots. The commands must refuse it, and say what to do; then the
// file is as it was.
func (p *site) refuses(file string, content []byte, how string) {
	p.t.Helper()
	was, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	for _, command := range []string{"run", "plan"} {
		d := p.spillway(command, "-s", "people").exits(exitFailed).says("damaged")
		text := strings.Join(strings.Fields(d.stdout+d.stderr), " ")
		if !strings.Contains(text, "spillway reset people") && !strings.Contains(text, "sum.key") {
			p.t.Errorf("%s: it does not say what to do:\n%s\n%s", how, d.stdout, d.stderr)
		}
	}
	p.spillway("state", "verify").exits(exitFailed).says("damaged", filepath.Dir(file))
	if came := p.service.came(); len(came) > 0 || p.t.Failed() {
		p.t.Fatalf("%s: %d requests came", how, len(came))
	}
	if err := os.WriteFile(file, was, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// harmed returns what may become of a file. The rest of a journal that was not closed may be missing, which is no harm;
// that of one that was may not.
func harmed(whole []byte) map[string][]byte {
	contents := map[string][]byte{"cut short": whole[:len(whole)/2], "cut by a byte": whole[:len(whole)-1], "emptied": {}}
	for _, at := range []int{0, len(whole) / 3, len(whole) / 2, len(whole) - 1} {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x10
		contents[fmt.Sprint("bit flipped in byte ", at)] = flipped
	}
	return contents
}

// snapshotFiles reads the files of the snapshots.
func snapshotFiles(t *testing.T, p *site) map[string][]byte {
	t.Helper()
	contents := map[string][]byte{}
	for _, f := range files(t, filepath.Join(p.state(), "snapshots"), true) {
		contents[f.name] = f.content
	}
	return contents
}

// newest returns the last of the files with an ending.
func newest(t *testing.T, files map[string][]byte, ending string) (name string) {
	t.Helper()
	for file := range files {
		if strings.HasSuffix(file, ending) && file > name {
			name = file
		}
	}
	if name == "" {
		t.Fatalf("there is no file of the snapshots that ends in %s", ending)
	}
	return name
}
