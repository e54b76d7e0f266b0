package servicerequest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// IncompleteError reports that a list is incomplete. The items that were read are
// returned with it.
type IncompleteError struct {
	Have int // items in the list
	Err  error
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("the list ends after %d items: %v", e.Have, e.Err)
}
func (e *IncompleteError) Unwrap() error { return e.Err }

// Messages reads all messages of a ticket, oldest first. With an *IncompleteError it
// returns those that it could read.
//
// Only the list has every message for sure, and only the ticket's detail has IDs.
// A listed message gets the ID of a message in the detail with the same fields,
// as far as both have them. If there is none, its ID stays empty.
func (c *Client) Messages(ctx context.Context, caseID, groupID string) ([]Message, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	l, _, err := c.list(ctx, caseID, groupID)
	if err != nil && !errors.Is(err, errTooManyMessages) && !errors.Is(err, errListTooLong) && !errors.Is(err, errListShrank) {
		return nil, err
	}
	incomplete := cmp.Or(err, l.Partial)
	ticket, caseErr := c.Case(ctx, caseID, groupID)
	if caseErr != nil {
		return nil, caseErr
	}

	ids := map[fields][]string{}
	for i := range ticket.Messages {
		m := &ticket.Messages[i]
		ids[m.sharedFields()] = append(ids[m.sharedFields()], m.ID)
	}
	messages := l.Messages
	for i := range messages {
		m := &messages[i]
		m.ID, m.Position = "", i+1
		k := m.sharedFields()
		if same := ids[k]; len(same) > 0 {
			m.ID, ids[k] = same[0], same[1:]
		}
	}
	if isNewestFirst(messages) {
		slices.Reverse(messages)
	}
	sortByTime(messages)
	if incomplete != nil {
		return messages, &IncompleteError{len(messages), incomplete}
	}
	return messages, nil
}

// isNewestFirst reports the order of a list: by its first and last time, and
// where these are the same, by where the ticket's first message is.
func isNewestFirst(messages []Message) bool {
	if len(messages) < 2 {
		return false
	}
	first, last := messages[0], messages[len(messages)-1]
	if !first.Created.IsZero() && !last.Created.IsZero() && !first.Created.Equal(last.Created) {
		return first.Created.After(last.Created)
	}
	return last.IsFirst == 1 && first.IsFirst != 1
}

// sortByTime keeps the order of messages of the same second. A message whose time
// cannot be read stays after its predecessor.
func sortByTime(messages []Message) {
	at := map[int]time.Time{} // by position: the time, or the predecessor's
	var last time.Time
	for _, m := range messages {
		if !m.Created.IsZero() {
			last = m.Created
		}
		at[m.Position] = last
	}
	slices.SortStableFunc(messages, func(a, b Message) int { return at[a.Position].Compare(at[b.Position]) })
}
