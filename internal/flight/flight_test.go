package flight

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errFailed = errors.New("failed")

// Everyone who waits gets the result of the one call, a failure too. Who comes
// later makes another call.
func TestShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Flight[int]
		var calls, failures atomic.Int32
		do := func(context.Context) (int, error) {
			time.Sleep(time.Second)
			return int(calls.Add(1)), errFailed
		}
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() {
				if n, err := f.Do(t.Context(), do); n == 1 && errors.Is(err, errFailed) {
					failures.Add(1)
				}
			})
		}
		wait.Wait()
		if calls.Load() != 1 || failures.Load() != 100 {
			t.Errorf("%d calls, and %d callers with the failure of the first", calls.Load(), failures.Load())
		}
		if n, _ := f.Do(t.Context(), do); n != 2 {
			t.Errorf("got the result of call %d, want a new one", n)
		}
	})
}

// A caller that leaves takes nobody with it. When the last one has left, the call is
// cancelled, and the next caller makes a new one.
func TestLeaving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f Flight[int]
		first, leave := context.WithCancel(t.Context())
		var cancelled atomic.Bool
		do := func(ctx context.Context) (int, error) {
			select {
			case <-time.After(time.Minute):
				return 1, nil
			case <-ctx.Done():
				cancelled.Store(true)
				return 0, ctx.Err()
			}
		}
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := f.Do(first, do); !errors.Is(err, context.Canceled) {
				t.Errorf("the caller that left got %v", err)
			}
		})
		wait.Go(func() {
			if n, err := f.Do(t.Context(), do); n != 1 || err != nil {
				t.Errorf("the caller that stayed got %d, %v", n, err)
			}
		})
		synctest.Wait()
		leave()
		wait.Wait()
		if cancelled.Load() {
			t.Error("the call was cancelled while someone waited")
		}

		alone, leave := context.WithCancel(t.Context())
		wait.Go(func() { _, _ = f.Do(alone, do) })
		synctest.Wait()
		leave()
		wait.Wait()
		synctest.Wait()
		if !cancelled.Load() {
			t.Error("the call goes on although nobody waits")
		}
		if n, err := f.Do(t.Context(), func(context.Context) (int, error) { return 3, nil }); n != 3 || err != nil {
			t.Errorf("a new call: got %d, %v", n, err)
		}
	})
}
