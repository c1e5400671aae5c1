package browsertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// AxeEnv names the environment variable that may hold the path of axe-core, the checker of pages for people with
// disabilities. Otherwise it is where the Makefile fetches it to.
const AxeEnv = "SPILLWAY_AXE"

// Axe returns axe-core.
func Axe() (string, error) {
	path, err := findAxe()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read axe-core: %w", err)
	}
	return string(text), nil
}

// findAxe looks in .cache/tools of the working directory and of those above it.
func findAxe() (string, error) {
	if named := os.Getenv(AxeEnv); named != "" {
		return named, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if found, _ := filepath.Glob(filepath.Join(dir, ".cache", "tools", "axe-*.min.js")); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", errors.New("axe-core was not found: make axe fetches it; or name its file in " + AxeEnv)
}

// Violation is what axe-core has against a page.
type Violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Failure string `json:"failureSummary"`
	} `json:"nodes"`
}

// Violations checks the page that is open by the rules of WCAG 2.2, levels A and AA. The checker is put into the page from
// outside of it, past the page's own policy.
func (b *Browser) Violations(axe string) []Violation {
	b.t.Helper()
	b.Do(chromedp.Evaluate[chromedp.Void](axe))
	text := Get(b, chromedp.Evaluate[string](`axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
		.then(found => JSON.stringify(found.violations))`, chromedp.EvalAwaitPromise))
	var found []Violation
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		b.t.Fatal(err)
	}
	return found
}

// Look sets the theme, "light" or "dark", and how wide pages are in pixels, each of which is zoom of the screen's own.
func (b *Browser) Look(theme string, width int, zoom float64) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: 1024, DeviceScaleFactor: zoom,
	}); err != nil {
		b.t.Fatal(err)
	}
}
