package servicerequest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// baselineTimeout bounds listing a ticket before the first attempt. Without
	// a baseline an unknown outcome stays unknown, but the message can be sent.
	baselineTimeout = 10 * time.Second
	// baselineRetry is the wait before the next try when listing failed.
	baselineRetry = time.Minute
	// baselineMaxAge is the age from which a baseline is renewed.
	baselineMaxAge = time.Minute
	// baselineQuiet is how long after an attempt no baseline is taken. The message
	// of that attempt may show late, and would then count as someone else's.
	baselineQuiet = 6 * time.Second
	// searchMaxAge is the maximum age of a listing that is searched for a key.
	searchMaxAge = 10 * time.Second
)

// ledger records what each ticket had before this client submitted to it, and
// which messages this run has sent. The service returns no ID for a message, so a
// ticket can only be compared with what it was before.
type ledger struct {
	mu      sync.Mutex
	tickets map[string]*ticket
}

// ticket is what the ledger knows of one ticket.
type ticket struct {
	caseID string
	// lister is held by the caller that lists the ticket for all who wait.
	lister semaphore

	mu sync.Mutex
	// locks are the look-alike prefixes and the idempotency keys of the submissions
	// under way. Submissions that share a lock run one at a time.
	locks    map[string]bool
	released chan struct{} // closed and replaced whenever locks are released

	// underWay counts the submissions that have a baseline and have not ended.
	underWay    int
	lastAttempt time.Time // when the last one ended, by the local clock
	groupID     string    // the group_id of the listings below
	baseline    *baseline // nil until the ticket was listed, or could not be
	sent        *sentTexts
	retryAt     time.Time // when a baseline that failed may be tried again
	refusal     error     // the service refused to list the ticket, so it is not listed again
	recent      listing   // the newest listing, for key searches

	failedSearches int
	searchErr      error // of the last failed search

	keys map[string]keyUse
}

// keyUse is how the last submission with an idempotency key ended.
type keyUse struct {
	digest  digest
	content string  // as submitted; empty where it is secret
	receipt Receipt // empty: the message may be on the ticket
	ended   time.Time
}

func (l *ledger) ticket(caseID string) *ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tickets[caseID]
	if t == nil {
		if l.tickets == nil {
			l.tickets = map[string]*ticket{}
		}
		t = &ticket{
			caseID: caseID, lister: make(semaphore, 1), released: make(chan struct{}),
			locks: map[string]bool{}, keys: map[string]keyUse{}, sent: &sentTexts{},
		}
		l.tickets[caseID] = t
	}
	return t
}

// lock waits until no submission that is under way shares one of the keys.
func (t *ticket) lock(ctx context.Context, keys []string) error {
	for {
		t.mu.Lock()
		if !slices.ContainsFunc(keys, func(k string) bool { return t.locks[k] }) {
			for _, k := range keys {
				t.locks[k] = true
			}
			t.mu.Unlock()
			return nil
		}
		released := t.released
		t.mu.Unlock()
		select {
		case <-released:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *ticket) unlock(keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		delete(t.locks, k)
	}
	close(t.released)
	t.released = make(chan struct{})
}

// admit returns the baseline for the attempts of a submission. If search is set,
// it also returns a listing that is fresh enough for a search and began after the
// given time. One caller lists the ticket for everyone who waits. Without search
// the only error is the context's.
func (t *ticket) admit(ctx context.Context, c *Client, groupID string, search bool, after time.Time) (*baseline, listing, error) {
	limited := ctx
	if !search {
		var cancel context.CancelFunc
		limited, cancel = c.clock.WithTimeout(ctx, baselineTimeout)
		defer cancel()
	}
	failures, _ := t.searchFailures()
	if err := t.lister.acquire(limited); err != nil {
		if search || ctx.Err() != nil {
			return nil, listing{}, err
		}
		return t.enter(groupID), listing{}, nil
	}
	defer t.lister.release()

	l, err := t.fresh(c.clock.Now(), groupID, after)
	if n, failure := t.searchFailures(); n > failures {
		err = failure
	}
	if search && err != nil {
		return nil, l, err
	}
	renew := t.needsBaseline(c.clock.Now(), groupID)
	if renew || search && l.began.IsZero() {
		l, err = c.listStable(limited, t.caseID, groupID)
		if ctx.Err() != nil {
			return nil, l, ctx.Err()
		}
		c.ledger.dropOld(c.clock.Now())
		t.storeListing(c.clock.Now(), groupID, l, err, renew)
	}
	if search && err != nil {
		t.searchFailed(err)
		return nil, l, err
	}
	return t.enter(groupID), l, nil
}

var (
	// Different groups may see different lists.
	errOtherGroup = errors.New("another message of this run uses the ticket with a different group_id")
	errBusy       = errors.New("another message of this run has been listing the ticket for 10 seconds")
)

// enter counts a submission as under way and returns its baseline.
func (t *ticket) enter(groupID string) *baseline {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underWay++
	switch {
	case groupID != t.groupID:
		return &baseline{why: errOtherGroup, sent: t.sent}
	case t.baseline == nil:
		return &baseline{why: errBusy, sent: t.sent}
	}
	return t.baseline
}

// leave ends a submission. attempted and unknown say whether it made attempts, and
// whether the outcome of one was unknown.
func (t *ticket) leave(now time.Time, attempted, unknown bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.underWay--
	if attempted {
		t.lastAttempt = now
	}
	if unknown {
		t.recent = listing{} // the message may have come since
	}
}

// fresh returns the newest listing if it is recent enough for a search, else a zero
// listing. If the service has refused to list the ticket, it returns that refusal.
func (t *ticket) fresh(now time.Time, groupID string, after time.Time) (listing, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch l := t.recent; {
	case groupID != t.groupID:
		return listing{}, nil
	case t.refusal != nil:
		return listing{}, t.refusal
	case l.began.After(after) && now.Sub(l.began) <= searchMaxAge && !l.overlaps:
		return l, nil
	}
	return listing{}, nil
}

// needsBaseline reports whether the ticket should be listed for a baseline. It should
// not while a submission of this run is under way on it, or has just ended.
func (t *ticket) needsBaseline(now time.Time, groupID string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	quiet := t.underWay == 0 && now.Sub(t.lastAttempt) >= baselineQuiet
	switch b := t.baseline; {
	case !quiet:
		return false
	case b == nil || groupID != t.groupID:
		return true
	case t.refusal != nil || now.Before(t.retryAt):
		return false
	default:
		return b.shown == nil || now.Sub(b.taken) > baselineMaxAge
	}
}

// storeListing stores the result of listing the ticket. If renew is set, the
// listing becomes the baseline, unless a submission of this run was under way
// meanwhile.
func (t *ticket) storeListing(now time.Time, groupID string, l listing, err error, renew bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	renew = renew && t.underWay == 0 && !t.lastAttempt.After(l.began)
	if err == nil && l.overlaps {
		err = errOverlaps
	}
	if groupID != t.groupID {
		if !renew {
			return
		}
		t.groupID, t.baseline, t.refusal = groupID, nil, nil
	}
	t.recent = listing{}
	if err == nil {
		t.recent = l
	}
	if IsRefusal(err) {
		t.refusal = err
	}
	switch {
	case !renew:
	case err == nil:
		t.baseline, t.retryAt = newBaseline(l), time.Time{}
		t.sent = t.baseline.sent
	default:
		t.retryAt = now.Add(baselineRetry)
		if t.baseline == nil {
			t.baseline = &baseline{why: err, sent: t.sent}
		}
	}
}

// searchFailures returns the number of failed searches, and the last failure. All
// who waited during a failed search share its result. If each searched in turn,
// the last would wait for hours.
func (t *ticket) searchFailures() (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failedSearches, t.searchErr
}

func (t *ticket) searchFailed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failedSearches, t.searchErr = t.failedSearches+1, err
}

// dropOld drops the listings that are too old to search. They may be large.
func (l *ledger) dropOld(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.tickets {
		t.mu.Lock()
		if now.Sub(t.recent.began) > searchMaxAge {
			t.recent = listing{}
		}
		t.mu.Unlock()
	}
}

// keyUsed records what became of a submission with an idempotency key.
func (t *ticket) keyUsed(key string, use keyUse) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys[key] = use
}

func (t *ticket) lastUse(key string) (keyUse, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	use, ok := t.keys[key]
	return use, ok
}
