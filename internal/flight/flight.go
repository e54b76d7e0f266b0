// Package flight lets callers that need the same result at the same time share one
// call: a login, or the list of a ticket. They share its failure, too. If each tried
// in turn, the last would wait for hours.
package flight

import (
	"context"
	"sync"
)

// Flight is a call that is made at most once at a time. The zero value is ready.
type Flight[T any] struct {
	mu      sync.Mutex
	current *call[T] // nil: none is under way
}

type call[T any] struct {
	cancel  context.CancelFunc
	waiting int           // callers; guarded by Flight.mu
	done    chan struct{} // closed once value and err are set
	value   T
	err     error
}

// Do makes the call, or waits for the one that is under way, and returns its
// result. The call runs with the values of its first caller's context, but neither
// ends with it nor has its deadline: it is cancelled when nobody waits any more. A
// caller whose own context ends stops waiting and gets the context's error.
func (f *Flight[T]) Do(ctx context.Context, do func(context.Context) (T, error)) (T, error) {
	f.mu.Lock()
	c := f.current
	if c == nil {
		var callCtx context.Context
		c = &call[T]{done: make(chan struct{})}
		callCtx, c.cancel = context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // drop calls it
		f.current = c
		go func() {
			c.value, c.err = do(callCtx)
			f.mu.Lock()
			f.drop(c) // the next caller makes a call of its own
			f.mu.Unlock()
			close(c.done)
		}()
	}
	c.waiting++
	f.mu.Unlock()

	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// Under the same lock: otherwise a caller could join a call that is then cancelled.
	if c.waiting--; c.waiting == 0 {
		f.drop(c)
	}
	var none T
	return none, ctx.Err()
}

// drop needs f.mu.
func (f *Flight[T]) drop(c *call[T]) {
	c.cancel()
	if f.current == c {
		f.current = nil
	}
}
