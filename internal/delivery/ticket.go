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
	// baselineRetry is the wait before the next try when that failed.
	baselineRetry = time.Minute
	// baselineMaxAge is the age from which a baseline is renewed.
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
	wake        context.CancelFunc       // wakes who waits for the end of the run; nil: nobody does
	underWay    int                      // those of them that have a baseline
	lastAttempt time.Time                // when the last one that made an attempt ended

	groupID  string   // of the listings below: other groups may see other lists
	listings int      // begun so far
	recent   *listing // the newest; nil: it is too old to search
	forms    forms    // of the newest listing or check
	refusal  error    // the service refused to list the ticket, so it is not asked again
	baseline *baseline
	retryAt  time.Time // when a baseline that failed may be tried again

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
func (d *Deliverer) lock(ctx context.Context, t *ticket, own *ownText) (unlock func(), err error) {
	names := []string{own.beginning}
	if own.key != "" {
		names = []string{own.bracketed, own.beginning} // in this order for all, so that none waits in a circle
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

// listed is the result of listing a ticket, shared by all who waited for it.
type listed struct {
	groupID string
	listing *listing // nil: there is an error
	err     error
	late    bool // the time of the caller that began it was over
}

// list lists the ticket, once for all who wait, and stores what it shows. Only a listing that began after this many
// others will do. The list has the time that is left for the caller that began it; who has more lists again. Each waits
// for it as long as limited lasts.
func (d *Deliverer) list(ctx, limited context.Context, t *ticket, m *Message, after int) (*listing, error) {
	for {
		mine := false
		got, err := t.lists.Do(limited, func(shared context.Context) (listed, error) {
			mine = true
			if left, ok := servicerequest.Remaining(ctx, d.clock); ok {
				var cancel context.CancelFunc
				shared, cancel = d.clock.WithTimeout(shared, left)
				defer cancel()
			}
			d.mu.Lock()
			t.listings++
			number, known := t.listings, t.forms
			d.mu.Unlock()
			answer, err := d.service.List(shared, m.CaseID, m.GroupID)
			var noTime *servicerequest.NoTimeError
			got := listed{groupID: m.GroupID, err: err, late: err != nil && (shared.Err() != nil || errors.As(err, &noTime))}
			if err == nil {
				got.listing = newListing(number, answer, known)
				got.listing.ended = d.clock.Now()
				err = got.listing.Partial
			}
			if ctx.Err() == nil { // a cancelled run says nothing about the list
				d.store(t, m.GroupID, got.listing, err)
			}
			return got, nil
		})
		switch {
		case err != nil:
			return nil, err // the caller left
		case got.late && !mine:
		case got.groupID == m.GroupID && (got.err != nil || got.listing.number > after):
			return got.listing, got.err
		}
	}
}

// store keeps a listing for searches. It becomes the baseline if one is due. err is why it cannot.
func (d *Deliverer) store(t *ticket, groupID string, l *listing, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	for _, other := range d.tickets { // old listings may be large
		if other.recent == nil || now.Sub(other.recent.Began) > searchMaxAge {
			other.recent, other.forms = nil, nil
		}
	}
	began := now
	if l != nil {
		began = l.Began
	}
	due := t.isBaselineDue(began, groupID)
	if groupID != t.groupID {
		if !due {
			return
		}
		t.groupID, t.recent, t.baseline, t.refusal = groupID, nil, nil, nil
	}
	if t.recent = l; l != nil {
		t.forms = l.forms
	}
	if servicerequest.IsRefusal(err) {
		t.refusal = err
	}
	switch {
	case !due:
	case err == nil:
		t.baseline = &baseline{taken: l.Began, shown: l.counts, surplus: l.Surplus, sent: sentTexts{}}
	default:
		if t.retryAt = now.Add(baselineRetry); t.baseline == nil {
			t.baseline = &baseline{why: err, sent: sentTexts{}}
		}
	}
}

// isBaselineDue reports whether a listing that begins now should become the baseline. Only one of a quiet ticket may: no
// delivery of this run is under way, and none has made an attempt in the 6 seconds before.
func (t *ticket) isBaselineDue(now time.Time, groupID string) bool {
	switch b := t.baseline; {
	case t.underWay > 0 || now.Sub(t.lastAttempt) < baselineQuiet:
		return false
	case b == nil || groupID != t.groupID:
		return true
	case t.refusal != nil || now.Before(t.retryAt):
		return false
	default:
		return b.shown == nil || now.Sub(b.taken) > baselineMaxAge
	}
}

// latest returns the newest listing for a group, or the refusal to list; neither if there is none. It needs d.mu.
func (t *ticket) latest(groupID string) (*listing, error) {
	if groupID != t.groupID {
		return nil, nil //nolint:nilnil // nobody has asked yet
	}
	return t.recent, t.refusal
}

// enter gives a delivery its baseline and counts it as under way. With a key, it also returns a listing that is fresh
// enough to search, and began after this many others, or an error. Without one, the only errors are that the context
// ended, or that a POST must not be made either.
func (d *Deliverer) enter(ctx context.Context, t *ticket, m *Message, after int) (*baseline, *listing, error) {
	search := m.Key != ""
	d.mu.Lock()
	due := t.isBaselineDue(d.clock.Now(), m.GroupID)
	l, err := t.latest(m.GroupID)
	d.mu.Unlock()
	switch {
	case search:
		l, err = d.searchable(ctx, t, m, after, due)
	case due:
		limited, cancel := d.clock.WithTimeout(ctx, baselineTimeout)
		l, err = d.list(ctx, limited, t, m, after)
		cancel()
	}
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil && (search || servicerequest.PreventsPost(err)):
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t.underWay++
	switch {
	case t.baseline == nil: // the list takes too long
		t.groupID, t.retryAt = m.GroupID, d.clock.Now().Add(baselineRetry)
		t.baseline = &baseline{why: errBusy, sent: sentTexts{}}
	case m.GroupID != t.groupID:
		return &baseline{why: errOtherGroup, sent: t.baseline.sent}, l, nil
	}
	return t.baseline, l, nil
}

// searchable returns a listing that may be searched for a key: one that is fresh enough and began after this many
// others, or if renew is set a new one.
func (d *Deliverer) searchable(ctx context.Context, t *ticket, m *Message, after int, renew bool) (*listing, error) {
	d.mu.Lock()
	l, err := t.latest(m.GroupID)
	d.mu.Unlock()
	isFresh := l != nil && l.number > after && d.clock.Now().Sub(l.Began) <= searchMaxAge
	if !renew && (err != nil || isFresh) {
		return l, err
	}
	return d.list(ctx, ctx, t, m, after)
}

// countCopies lists a ticket once more when the last delivery on it has ended, for the messages with keys that this run
// had accepted there. Whatever cannot be read is no error. A cancelled run does not look.
func (d *Deliverer) countCopies(ctx context.Context, t *ticket, m *Message) []Copies {
	d.mu.Lock()
	t.arrived--
	last := t.arrived == 0 && len(t.accepted) > 0
	idle, wake := context.WithCancel(ctx)
	defer wake()
	if last {
		t.wake = wake
	}
	d.mu.Unlock()
	if !last || d.clock.Sleep(idle, endOfRun) != nil {
		return nil // the run was cancelled, or another delivery has arrived and looks when it ends
	}
	d.mu.Lock()
	var accepted []*ownText
	after := t.listings
	if t.arrived == 0 {
		accepted, t.accepted = t.accepted, nil
	}
	d.mu.Unlock()
	if len(accepted) == 0 {
		return nil
	}
	limited, cancel := d.clock.WithTimeout(ctx, copiesTimeout)
	defer cancel()
	l, err := d.list(limited, limited, t, m, after)
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
