package warehouse

import "context"

// Watch makes the end of the context that rows are read with cancel their statement, also while a server is waited for.
// Each call that reads may have a context of its own; the zero Watch watches none. It is used by one goroutine.
type Watch struct {
	done   <-chan struct{}
	unhook func() bool
}

// On watches ctx instead of the context before it.
func (w *Watch) On(ctx context.Context, cancel func()) {
	if ctx.Done() == w.done {
		return
	}
	w.Off()
	w.done, w.unhook = ctx.Done(), context.AfterFunc(ctx, cancel)
}

// Off watches nothing from now on. A cancel that has begun goes on.
func (w *Watch) Off() {
	if w.unhook != nil {
		w.unhook()
	}
	*w = Watch{}
}
