package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/flight"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

const (
	// baselineTimeout bounds listing a ticket before the first attempt. Without a baseline an unknown outcome stays
	// unknown, but the message can be sent.
	baselineTimeout = 10 * time.Second
	// baselineMaxAge is the age from which a baseline is renewed, and the wait before the next try when that failed.
	baselineMaxAge = time.Minute
	// baselineQuiet is how long after an attempt no baseline is taken. The message of that attempt may show late, and
	// would then count as someone else's.
	baselineQuiet = 6 * time.Second
	// copiesTimeout bounds listing the ticket for copies: the message is there, and nobody should wait long to hear it.
	copiesTimeout = 30 * time.Second
	// endOfRun is how long a ticket without a delivery waits for another one before it is listed for copies. Terraform
	// starts messages one by one, and may do so more slowly than they are delivered: then each would be the last.
	endOfRun = 250 * time.Millisecond
	// searchMaxAge is the maximum age of a listing that is searched for a key.
	searchMaxAge = 10 * time.Second
)

// ticket is what this run knows of one ticket: what it had before, and what this run has sent. The service returns no
// ID for a message, so a ticket can only be compared with what it was before. All but lists is guarded by
// [Deliverer].mu.
type ticket struct {
	lists flight.Flight[listed]

	locks       map[string]chan struct{} // each held by the delivery that has put a value in
	arrived     int                      // deliveries that have not ended
	wake        context.CancelFunc       // wakes who waits for the end of the run
	underWay    int                      // those of them that have a baseline
	lastAttempt time.Time                // when the last one that made an attempt ended

	listings int   // begun so far, those of checks included
	forms    forms // of the newest one

	groupID  string   // of what follows up to renewAt: other groups may see other lists
	recent   *listing // the newest for searches; nil: it is too old
	refusal  error    // the service refused to list the ticket, so it is not asked again
	baseline *baseline
	renewAt  time.Time // when the baseline gets too old, or a list that failed may be tried again

	keys     map[string]keyUse
	accepted []*ownText // with keys, since the ticket was last listed for copies
}

// keyUse is how the last delivery with an idempotency key ended: with a receipt, pending or neither.
type keyUse struct {
	own      *ownText
	secret   bool
	receipt  Receipt // empty: the message was not confirmed
	pending  bool    // the message may be on the ticket
	listings int     // begun before it ended: the next search needs a later one
}

// lock waits until no other delivery under way has our key, or a text that looks like ours. It returns the function that
// lets the next one go.
func (d *delivery) lock(ctx context.Context) (unlock func(), err error) {
	t, names := d.ticket, []string{d.own.beginning}
	if d.own.key != "" {
		names = []string{d.own.bracketed, d.own.beginning} // in this order for all, so that none waits in a circle
	}
	var held []chan struct{}
	unlock = func() {
		for _, lock := range held {
			<-lock
		}
	}
	for _, name := range names {
		d.mu.Lock()
		lock := t.locks[name]
		if lock == nil {
			lock = make(chan struct{}, 1)
			t.locks[name] = lock
		}
		d.mu.Unlock()
		select {
		case lock <- struct{}{}:
			held = append(held, lock)
		case <-ctx.Done():
			unlock()
			return nil, ctx.Err()
		}
	}
	return unlock, nil
}

var (
	errOtherGroup = errors.New("another message of this run uses the ticket with a different group_id")
	errBusy       = errors.New("listing the ticket took longer than 10 seconds")
)

// read lists the ticket, with its texts in the forms that are compared.
func (d *delivery) read(ctx context.Context) (*listing, error) {
	t := d.ticket
	d.mu.Lock()
	t.listings++
	number, known := t.listings, t.forms
	d.mu.Unlock()
	answer, err := d.service.List(ctx, d.message.CaseID, d.message.GroupID)
	if err != nil {
		return nil, err
	}
	l := newListing(number, answer, known)
	l.ended = d.clock.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	t.forms = l.forms
	return l, nil
}

// listed is what a list of a ticket gave, shared by all who waited for it.
type listed struct {
	groupID string
	listing *listing // nil: there is an error, or no list was needed
	err     error
	private bool // only for the caller that began it: its time was over, or it needed no list
}

// list lists the ticket, once for all who wait, and stores what it shows. It does not if what is stored will do by then.
// Only a listing that began after this many others will do. The list has the time that is left for the caller that began
// it; who has more lists again. Each waits for it as long as limited lasts.
func (d *delivery) list(ctx, limited context.Context, after int) (*listing, error) {
	for {
		mine := false
		got, err := d.ticket.lists.Do(limited, func(shared context.Context) (listed, error) {
			mine = true
			if known, ok := d.stored(after); ok { // another list has ended since
				known.private = true
				return known, nil
			}
			if left, ok := servicerequest.Remaining(ctx, d.clock); ok {
				var cancel context.CancelFunc
				shared, cancel = d.clock.WithTimeout(shared, left)
				defer cancel()
			}
			l, err := d.read(shared)
			isLate := err != nil && (shared.Err() != nil || errors.As(err, new(*servicerequest.NoTimeError)))
			if ctx.Err() == nil { // a cancelled run says nothing about the list
				d.store(l, err)
			}
			return listed{groupID: d.message.GroupID, listing: l, err: err, private: isLate}, nil
		})
		switch {
		case err != nil:
			return nil, err // the caller left
		case mine, !got.private && got.groupID == d.message.GroupID && (got.err != nil || got.listing.number > after):
			return got.listing, got.err
		}
	}
}

// store keeps a listing for searches, or why there is none. It becomes the baseline if one is due.
func (d *delivery) store(l *listing, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, groupID, now := d.ticket, d.message.GroupID, d.clock.Now()
	for _, other := range d.tickets { // old listings may be large
		if other != t && (other.recent == nil || now.Sub(other.recent.Began) > searchMaxAge) {
			other.recent, other.forms = nil, nil
		}
	}
	began := now
	if l != nil {
		began, err = l.Began, l.Partial
	}
	due := t.isBaselineDue(began, groupID)
	if groupID != t.groupID {
		if !due {
			return
		}
		t.groupID, t.baseline, t.refusal = groupID, nil, nil
	}
	t.recent = l
	if servicerequest.IsRefusal(err) {
		t.refusal = err
	}
	switch {
	case !due:
	case err == nil:
		t.renewAt = began.Add(baselineMaxAge)
		t.baseline = &baseline{shown: l.counts, surplus: l.Surplus, sent: sentTexts{}}
	default:
		if t.renewAt = now.Add(baselineMaxAge); t.baseline == nil {
			t.baseline = &baseline{why: err, sent: sentTexts{}}
		}
	}
}

// isBaselineDue reports whether a listing that begins now should become the baseline. Only one of a quiet ticket may: no
// delivery of this run is under way, and none has made an attempt in the 6 seconds before.
func (t *ticket) isBaselineDue(now time.Time, groupID string) bool {
	isQuiet := t.underWay == 0 && now.Sub(t.lastAttempt) >= baselineQuiet
	return isQuiet && (groupID != t.groupID || t.refusal == nil && now.After(t.renewAt))
}

// latest lists the ticket if a baseline is due. With a key, it returns a listing that may be searched: one that is fresh
// enough and began after this many others, or if credentials have expired a new one.
func (d *delivery) latest(ctx context.Context, after int) (*listing, error) {
	if d.own.key == "" {
		after = noListing
	}
	if known, ok := d.stored(after); ok {
		return known.listing, known.err
	}
	limited := ctx
	if d.own.key == "" {
		var cancel context.CancelFunc
		limited, cancel = d.clock.WithTimeout(ctx, baselineTimeout)
		defer cancel()
	}
	return d.list(ctx, limited, after)
}

// noListing takes the place of the number after which a listing must have begun, if none is searched.
const noListing = -1

// stored returns what is known without listing the ticket, and reports whether that will do.
func (d *delivery) stored(after int) (known listed, ok bool) {
	t, now := d.ticket, d.clock.Now()
	known.groupID = d.message.GroupID
	d.mu.Lock()
	defer d.mu.Unlock()
	if known.groupID == t.groupID {
		known.listing, known.err = t.recent, t.refusal
	}
	l := known.listing
	isFresh := after == noListing || l != nil && l.number > after && now.Sub(l.Began) <= searchMaxAge
	return known, !t.isBaselineDue(now, known.groupID) && !d.relist && (known.err != nil || isFresh)
}

// enter gives the delivery its baseline and counts it as under way. With a key, it also returns a listing to search, or
// an error. Without one, the only errors are that the context ended, or that a POST must not be made either.
func (d *delivery) enter(ctx context.Context, after int) (*listing, error) {
	l, err := d.latest(ctx, after)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && (d.own.key != "" || servicerequest.PreventsPost(err)):
		return nil, err
	}
	t, groupID := d.ticket, d.message.GroupID
	d.mu.Lock()
	defer d.mu.Unlock()
	t.underWay++
	if t.baseline == nil { // the list takes too long
		t.groupID, t.renewAt = groupID, d.clock.Now().Add(baselineMaxAge)
		t.baseline = &baseline{why: errBusy, sent: sentTexts{}}
	}
	d.baseline = t.baseline
	if groupID != t.groupID {
		d.baseline = &baseline{why: errOtherGroup, sent: t.baseline.sent}
	}
	return l, nil
}

// countCopies lists a ticket once more when the last delivery on it has ended, for the messages with keys that this run
// had accepted there. Whatever cannot be read is no error. A cancelled run does not look.
func (d *delivery) countCopies(ctx context.Context) []Copies {
	t := d.ticket
	idle, wake := context.WithCancel(ctx)
	defer wake()
	d.mu.Lock()
	t.arrived--
	t.wake = wake
	last := t.arrived == 0 && len(t.accepted) > 0
	d.mu.Unlock()
	if !last || d.clock.Sleep(idle, endOfRun) != nil {
		return nil // the run was cancelled, or another delivery has arrived and looks when it ends
	}
	d.mu.Lock()
	accepted, after := t.accepted, t.listings
	t.accepted = nil
	d.mu.Unlock()
	limited, cancel := d.clock.WithTimeout(ctx, copiesTimeout)
	defer cancel()
	l, err := d.list(limited, limited, after) // one for an earlier end of the run may still be under way
	if err != nil {
		return nil
	}
	var copies []Copies
	for _, own := range accepted {
		if n := l.search(own).ours; n > 1 {
			copies = append(copies, Copies{own.key, n})
		}
	}
	return copies
}
