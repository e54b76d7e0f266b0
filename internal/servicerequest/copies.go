package servicerequest

import (
	"context"
	"strings"
	"sync"
	"time"
)

// copies knows what this client has submitted, so that identical messages sent
// side by side do not claim each other's copies. The service gives no ID to
// tell copies apart, so they are counted: identical submissions go one at a
// time, and a look finds a new copy only when the ticket shows more of them
// than are accounted for.
type copies struct {
	mu    sync.Mutex
	kinds map[string]*kind
}

// kind is what is known of identical messages on one ticket. Only the holder
// of turn touches it.
type kind struct {
	turn chan struct{} // holds one value while nobody has the turn

	// began is when the first of this client's attempts began, by the local
	// clock: all of its copies are younger.
	began time.Time
	// confirmed copies are on the ticket, submitted by this client.
	confirmed int
	// doubtful submissions ended unconfirmed: each may be a copy on the ticket.
	doubtful int
	// last is when the newest confirmed or adopted copy was known to be there,
	// by the local clock; lastAt is when it was created, by the service's.
	last, lastAt time.Time
}

// take waits for the turn among the submissions identical to s.
func (c *copies) take(ctx context.Context, s Submission, m matcher) (*kind, error) {
	key := strings.Join(append([]string{s.CaseID, m.content}, m.accessories...), "\x00")
	c.mu.Lock()
	k := c.kinds[key]
	if k == nil {
		if c.kinds == nil {
			c.kinds = map[string]*kind{}
		}
		k = &kind{turn: make(chan struct{}, 1)}
		k.turn <- struct{}{}
		c.kinds[key] = k
	}
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-k.turn:
		return k, nil
	}
}

func (k *kind) giveBack() { k.turn <- struct{}{} }

// finding is what a look at the ticket says of the attempt in question.
type finding int

const (
	cannotTell finding = iota
	notThere
	there
)

// judge compares what the ticket shows with what is accounted for.
func (k *kind) judge(s sighting) finding {
	switch {
	case s.low > k.confirmed+k.doubtful:
		return there
	case s.high <= k.confirmed:
		return notThere
	default:
		return cannotTell
	}
}
