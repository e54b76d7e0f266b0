package servicerequest

import (
	"context"
	"time"
)

// Clock reads the time, waits and sets deadlines, so that tests need not wait.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the context's error as soon as it ends.
	Sleep(ctx context.Context, d time.Duration) error
	// WithTimeout is [context.WithTimeout] by this clock.
	WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

// SystemClock is the machine's clock.
var SystemClock Clock = systemClock{}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (systemClock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// Remaining returns how long it is by the clock until the context's deadline: 0 if
// that has passed. ok is false if there is no deadline.
func Remaining(ctx context.Context, clock Clock) (left time.Duration, ok bool) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0, false
	}
	return max(deadline.Sub(clock.Now()), 0), true
}
