// Package browsertest gives tests a browser without a window, and tells what went wrong in it.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Env names the environment variable that may hold the path of a Chromium.
const Env = "SPILLWAY_CHROMIUM"

var errNone = errors.New("no Chromium was found: install one with\n\n" +
	"\tapt-get install -y chromium-headless-shell\n\n" +
	"or name it in " + Env)

func find() (string, error) {
	if named := os.Getenv(Env); named != "" {
		return named, nil
	}
	for _, name := range []string{"chromium-headless-shell", "headless_shell", "chromium", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNone
}

// Browser is one tab of a browser of its own. What its methods meet fails the test.
type Browser struct {
	t   testing.TB
	ctx context.Context //nolint:containedctx // chromedp keeps its tab in one

	mu       sync.Mutex
	troubles []string
}

// longest is how long a test may use its browser.
const longest = 3 * time.Minute

// Start opens a browser for the time of a test. Without scripts it is one in which they are turned off.
func Start(t testing.TB, scripts bool) *Browser {
	t.Helper()
	path, err := find()
	if err != nil {
		t.Fatal(err)
	}
	bounded, stop := context.WithTimeout(t.Context(), longest)
	t.Cleanup(stop)
	allocator, closeBrowser := chromedp.NewExecAllocator(bounded, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.WindowSize(1280, 1024))...)
	t.Cleanup(closeBrowser)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	b := &Browser{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}); err != nil {
		t.Fatal(err)
	}
	return b
}

// hear notes what a page must not do: open a dialogue, throw, or break its policy.
func (b *Browser) hear(event any) {
	switch e := event.(type) {
	case *page.EventJavascriptDialogOpening:
		b.note("dialogue: " + e.Message)
		go func() { // or the page would wait for ever
			_, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || strings.Contains(e.Entry.Text, "Content Security Policy") {
			b.note(string(e.Entry.Source) + ": " + e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		b.note("exception: " + e.ExceptionDetails.Text)
	}
}

func (b *Browser) note(trouble string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.troubles = append(b.troubles, trouble)
}

// Troubles returns what went wrong in the pages since the last call.
func (b *Browser) Troubles() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	noted := b.troubles
	b.troubles = nil
	return noted
}

// Do takes steps in the tab.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// Open goes to an address and waits until its page is there.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(url))
}

// Get reads something from the page.
func Get[T any](b *Browser, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// Holds reports whether a reader sees this text in the page's own part. A page that is just being replaced by another
// holds nothing.
func (b *Browser) Holds(text string) bool {
	seen, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("main").innerText`))
	return err == nil && strings.Contains(seen, text)
}

// Click presses the link or the button with this text, by mouse, and waits for the page that it leads to.
func (b *Browser) Click(text string) {
	b.t.Helper()
	b.leave(chromedp.Click(chromedp.Search(fmt.Sprintf(`//main//*[self::a or self::button][normalize-space()=%q]`, text))))
}

// Press tabs to the link or the button with this text and presses Enter.
func (b *Browser) Press(text string) {
	b.t.Helper()
	for range mostTabs {
		b.Do(chromedp.KeyEvent(kb.Tab))
		if focused := Get(b, chromedp.Evaluate[string](`document.activeElement.innerText.trim()`)); focused == text {
			if outline := Get(b, chromedp.Evaluate[string](`getComputedStyle(document.activeElement).outlineStyle`)); outline == "none" {
				b.t.Errorf("%q has the focus, and nothing shows it", text)
			}
			b.leave(chromedp.KeyEvent(kb.Enter))
			return
		}
	}
	b.t.Fatalf("no number of tabs leads to %q", text)
}

// mostTabs is more than any page has things to press.
const mostTabs = 300

// leave takes a step that leads to another page, and waits until that is there.
func (b *Browser) leave(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.Do(chromedp.Evaluate[chromedp.Void](`document.documentElement.id = "left"`), step)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		there, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && document.documentElement.id !== "left"`))
		if err == nil && there {
			return
		}
		select { // an error is that the page is being replaced
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("no other page came: %v", err)
		}
	}
}

// Screenshot keeps a picture of the whole page among the artifacts of the test.
func (b *Browser) Screenshot(name string) {
	b.t.Helper()
	file := filepath.Join(b.t.ArtifactDir(), name+".png")
	if err := os.WriteFile(file, Get(b, chromedp.FullScreenshot(100)), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Reload asks for the page again.
func (b *Browser) Reload() {
	b.t.Helper()
	b.leave(chromedp.Reload())
}
