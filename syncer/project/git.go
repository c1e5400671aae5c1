package project

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const gitPatience = 10 * time.Second

// Git returns the commit that the project stands at, and whether its files differ from it. Where there is no git, no
// repository or no commit, it returns "" and false: that is no error, the project is just not under version control.
func (p *Project) Git(ctx context.Context) (commit string, dirty bool) {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	head, err := p.git(ctx, "rev-parse", "--verify", "HEAD")
	if err != nil {
		return "", false
	}
	args := []string{"status", "--porcelain", "--untracked-files=normal", "--", "."}
	if state, err := filepath.Rel(p.Root, p.State.Dir); err == nil && filepath.IsLocal(state) {
		args = append(args, ":(exclude,literal)"+filepath.ToSlash(state))
	}
	status, err := p.git(ctx, args...)
	if err != nil {
		return "", false
	}
	return head, status != ""
}

func (p *Project) git(ctx context.Context, args ...string) (string, error) {
	// A run must neither wait for nor hold the repository's lock, nor start its helpers.
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", p.Root, "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return "", err
	}
	return strings.TrimSpace(out.String()), nil
}
