package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// checkOffsets are when the ticket is checked after an attempt whose outcome is unknown. A message counts as absent only
// if the last check misses it: lists may lag behind writes.
var checkOffsets = []time.Duration{0, 2 * time.Second, 6 * time.Second}

// timeoutOffsets are added after a timeout on either side: the service may still be at work.
var timeoutOffsets = []time.Duration{14 * time.Second, 30 * time.Second}

const (
	// maxExpired is how often the credentials of a message may expire between a check or a search and the POST.
	maxExpired = 3
	// extraChecks follow a last check that could not read the ticket.
	extraChecks   = 3
	extraCheckGap = 4 * time.Second
	// finalCheckTimeout bounds the check that follows a cancellation.
	finalCheckTimeout = 5 * time.Second
)

// run posts until an outcome is final: see the package comment.
func (d *delivery) run(ctx context.Context) (Receipt, error) {
	for {
		if existing, err := d.searchAgain(ctx); err != nil || existing.ConfirmedBy != "" {
			return existing, err
		}
		a, err := d.post(ctx)
		if err != nil { // without credentials nothing was sent
			return Receipt{}, d.notPosted(err, false)
		}
		switch a.Outcome {
		case servicerequest.Submitted:
			return d.confirm(ByResponse, a), nil
		case servicerequest.Rejected:
			return Receipt{}, d.notPosted(a.Err, true)
		case servicerequest.Unknown, servicerequest.UnknownRefused:
			d.unknown, d.doubt = a, a.Reason
		}
		wait, stop := d.again(ctx, a)
		if d.doubt != "" {
			switch found, err := d.watch(ctx, a.Ended, checksAfter(a, wait, stop == nil)); found {
			case present:
				return d.confirm(ByCheck, d.unknown), nil
			case unclear:
				return Receipt{}, d.unconfirmed(err)
			}
		}
		switch {
		case stop != nil:
			return Receipt{}, stop
		case d.doubt != "": // the last check came after the wait
			continue
		case wait > 0:
			d.notify(StepRetrying, a.Reason, wait)
		}
		if err := d.wait(ctx, wait); err != nil {
			return Receipt{}, d.notPosted(fmt.Errorf("%w; the last attempt: %w", err, a.Err), false)
		}
	}
}

// post makes one attempt.
func (d *delivery) post(ctx context.Context) (servicerequest.Attempt, error) {
	d.possible(1)
	d.notify(StepPosting, "", 0)
	a, err := d.service.Post(ctx, servicerequest.Post{
		CaseID: d.message.CaseID, Content: d.own.sent, AccessoryIDs: d.message.AccessoryIDs,
		GroupID: d.message.GroupID, Secret: d.message.Secret, Checked: d.doubt != "" || d.own.key != "",
	})
	if err != nil {
		d.possible(-1)
		return a, err
	}
	if !a.Began.IsZero() {
		d.attempts, d.last = d.attempts+1, a.Err
	}
	d.renewed = d.renewed && a.Outcome == servicerequest.Unauthenticated
	switch a.Outcome {
	case servicerequest.Rejected, servicerequest.Unauthenticated, servicerequest.Throttled, servicerequest.NotExecuted:
		d.possible(-1)
	default:
		d.resent = d.doubt
	}
	return a, nil
}

// possible counts attempts that may put a copy on the ticket.
func (d *delivery) possible(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.baseline.sent.of(d.own).possible += n
}

// again returns how long to wait before another POST, or why none may follow.
func (d *delivery) again(ctx context.Context, a servicerequest.Attempt) (wait time.Duration, stop error) {
	n := 0
	switch {
	case a.Outcome == servicerequest.Unauthenticated && a.Began.IsZero() && d.expired < maxExpired:
		d.expired, d.relist = d.expired+1, true // no request was made
		return 0, nil
	case a.Outcome == servicerequest.UnknownRefused, a.Outcome == servicerequest.Unauthenticated && (d.renewed || a.Began.IsZero()):
		return 0, d.notPosted(a.Err, !a.Began.IsZero())
	case a.Outcome == servicerequest.Unauthenticated:
		d.renewed = true
		return 0, nil
	case a.Outcome == servicerequest.Throttled:
		d.throttles++
		n = d.throttles
	case d.retries >= d.maxRetries || a.Permanent:
		return 0, d.notPosted(a.Err, false)
	default:
		d.retries++
		n = d.retries
	}
	wait, noTime := servicerequest.Wait(ctx, d.clock, n, a.Outcome == servicerequest.Throttled, a.RetryAfter, d.random)
	if noTime != nil {
		noTime.Err = a.Err
		return 0, d.notPosted(noTime, false)
	}
	return wait, nil
}

// checksAfter returns when to check the ticket, from the end of an attempt. If another POST follows, the last check
// comes right before it.
func checksAfter(a servicerequest.Attempt, wait time.Duration, again bool) []time.Duration {
	var offsets []time.Duration
	if a.Outcome == servicerequest.Unknown || a.Outcome == servicerequest.UnknownRefused {
		offsets = checkOffsets
		if a.TimedOut {
			offsets = slices.Concat(checkOffsets, timeoutOffsets)
		}
	}
	if again && (len(offsets) == 0 || wait > offsets[len(offsets)-1]) {
		offsets = append(slices.Clip(offsets), wait)
	}
	return offsets
}

// watch checks the ticket at each of the offsets from the end of an attempt. Any check can find the message; only the
// last can find it absent. Without offsets no POST follows, so the result of the last check, absent, still holds.
func (d *delivery) watch(ctx context.Context, ended time.Time, offsets []time.Duration) (presence, error) {
	if d.own.key == "" && d.baseline.shown == nil {
		return unclear, fmt.Errorf("%w: %w", errNoBaseline, d.baseline.why)
	}
	extra, doubtful := extraChecks, false
	for i := 0; i < len(offsets); i++ {
		if err := d.wait(ctx, max(offsets[i]-d.clock.Now().Sub(ended), 0)); err != nil {
			return d.finalCheck(ctx)
		}
		found, err := d.check(ctx, d.doubt)
		last := i == len(offsets)-1
		unexplained := errors.Is(err, errNotExplained) || errors.Is(err, errKeyChanged)
		doubtful = doubtful || unexplained
		if found == absent && doubtful { // what an earlier check could not explain is gone
			found, err = unclear, errLost
		}
		switch {
		case found == present || servicerequest.IsRefusal(err):
			return found, err
		case ctx.Err() != nil:
			return d.finalCheck(ctx)
		case last && err != nil && !unexplained && extra > 0: // the next check may say more
			extra--
			offsets = append(slices.Clip(offsets), offsets[i]+extraCheckGap)
		case last:
			return found, err
		}
	}
	return absent, nil
}

// finalCheck checks the ticket once more after the user has cancelled or the time is up. One check can confirm the
// message but cannot rule it out.
func (d *delivery) finalCheck(ctx context.Context) (presence, error) {
	why := "timed out"
	if errors.Is(ctx.Err(), context.Canceled) {
		why = "cancelled"
	}
	ctx, cancel := d.clock.WithTimeout(context.WithoutCancel(ctx), finalCheckTimeout)
	defer cancel()
	found, err := d.check(ctx, why)
	if found == absent {
		found, err = unclear, errors.New(why+"; a check of the ticket did not find the message, but it may still arrive")
	}
	return found, err
}

// check lists the ticket once and compares.
func (d *delivery) check(ctx context.Context, reason string) (presence, error) {
	d.notify(StepChecking, reason, 0)
	l, err := d.read(ctx)
	if err != nil {
		return unclear, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.baseline.judge(l, d.own)
}

// wait sleeps. If the context would end before, it fails at once instead.
func (d *delivery) wait(ctx context.Context, wait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if left, ok := servicerequest.Remaining(ctx, d.clock); ok && left < wait {
		return context.DeadlineExceeded
	}
	return d.clock.Sleep(ctx, wait)
}
