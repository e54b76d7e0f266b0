package servicerequest

import (
	"context"
	"crypto/sha256"
	"slices"
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
	kinds map[key256]*kind
	// crowded has, by ticket and text, the attachments of each kind with as many
	// as a list shows, or more: it may show one's copy like another's.
	crowded map[key256][][]string
}

// key256 stands for texts: they may be long, and it is kept for all of a run.
type key256 [sha256.Size]byte

func digest(parts ...string) key256 { return sha256.Sum256([]byte(strings.Join(parts, "\x00"))) }

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
	// texts tells apart what differs in markup or spacing only, by the digest of
	// matcher.text.
	texts map[key256]stand
}

// stand is which copies stand for one text.
type stand struct {
	copies int
	// known is when the newest was there at the latest, by the local clock;
	// created is its time by the service's.
	known, created time.Time
}

// settle takes note of a copy that stands for a text: of a new one, or of one
// that was adopted, and may stand for it already.
func (k *kind) settle(text string, by Confirmation, known, created time.Time) {
	if k.texts == nil {
		k.texts = map[key256]stand{}
	}
	t := digest(text)
	s := k.texts[t]
	if by != ByExisting {
		k.confirmed++
		s.copies++
	}
	k.texts[t] = stand{max(s.copies, 1), known, created}
}

// others is how many copies stand for other texts than this one.
func (k *kind) others(text string) int {
	n := 0
	mine := digest(text)
	for t, s := range k.texts {
		if t != mine {
			n += s.copies
		}
	}
	return n
}

// take waits for the turn among the submissions identical to s.
func (c *copies) take(ctx context.Context, s Submission, m matcher) (*kind, error) {
	key := digest(append([]string{s.CaseID, m.content}, m.accessories...)...)
	c.mu.Lock()
	k := c.kinds[key]
	if k == nil {
		if c.kinds == nil {
			c.kinds, c.crowded = map[key256]*kind{}, map[key256][][]string{}
		}
		k = &kind{turn: make(chan struct{}, 1)}
		k.turn <- struct{}{}
		c.kinds[key] = k
		if len(m.accessories) >= shownAccessories {
			alike := digest(s.CaseID, m.content)
			c.crowded[alike] = append(c.crowded[alike], m.accessories)
		}
	}
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-k.turn:
		return k, nil
	}
}

// ambiguous tells whether this client has also submitted a message that differs
// only in attachments beyond those that a list shows.
func (c *copies) ambiguous(s Submission, m matcher) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, others := range c.crowded[digest(s.CaseID, m.content)] {
		shared := 0
		for _, id := range others {
			if _, ours := slices.BinarySearch(m.accessories, id); ours {
				shared++
			}
		}
		if shared >= shownAccessories && !slices.Equal(others, m.accessories) {
			return true
		}
	}
	return false
}

func (k *kind) giveBack() { k.turn <- struct{}{} }

// finding is what a look at the ticket says of the attempt in question.
type finding int

const (
	cannotTell finding = iota
	notThere
	there
)

// judge compares what the ticket shows since this client's first attempt with
// what is accounted for, and with what it shows since the one in question.
func (k *kind) judge(all, since tally) finding {
	switch {
	case since.high == 0 || all.high <= k.confirmed:
		return notThere
	case all.low > k.confirmed+k.doubtful:
		return there
	default:
		return cannotTell
	}
}
