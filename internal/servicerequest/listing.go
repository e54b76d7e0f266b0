package servicerequest

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	pageSize  = 100   // the most that one list call gives
	maxOffset = 65535 // the highest offset that the service takes
	// maxPages is far more than the longest list has, unless the service gives
	// next to nothing at a time.
	maxPages = 2000
	// maxTicketBytes bounds an answer that holds messages (a hundred of 10,000
	// characters, or a ticket with all it has), and what is kept of a list.
	maxTicketBytes = 16 << 20
	// messageOverhead is about what a message takes besides its texts.
	messageOverhead = 256
	// listReadings is how often a ticket is listed while its list contradicts itself.
	listReadings = 3
)

var (
	errTooManyMessages = errors.New("the ticket has more messages than the service lists (65,535), or than it gives in 2,000 pages")
	errListTooLong     = errors.New("the rest does not fit into 16 MiB")
	errListShrank      = errors.New("the list lost messages while it was read")
	errOffset          = errors.New("the list is longer than the service gives, or than it gives in 2,000 pages")
	errOverlaps        = errors.New("two pages of the list have the same messages, so that others may be missing")
	errCountsMore      = errors.New("the service counts more than it gives")
)

// listing is what one reading of a ticket's list gave.
type listing struct {
	began    time.Time // by the local clock
	count    int       // the service's, of the last page
	messages []Message // in the service's order
	repeats  bool      // it ended with a page that brought nothing new
	overlaps bool      // a page had messages of an earlier one: equal ones, or the list moved
}

// incomplete reports whether the service counts more than it gives.
func (l listing) incomplete() bool { return l.repeats && len(l.messages) < l.count }

// notSearchable returns why a key may be on the ticket though the listing does
// not have it. The listing can be compared with another one all the same.
func (l listing) notSearchable() error {
	switch {
	case l.incomplete(), l.count > 0 && len(l.messages) == 0:
		return errCountsMore
	case l.overlaps:
		return errOverlaps
	}
	return nil
}

// surplus is how many more messages the list has than the service counts;
// negative when it has fewer. A service that counts none does not count.
func (l listing) surplus() int {
	if l.count <= 0 {
		return 0
	}
	return len(l.messages) - l.count
}

// list reads a ticket's messages, with markup as it was sent. It reads again
// while the list shrinks between two pages, since a message may have slipped
// past unseen. On error, list also returns the messages read so far.
func (c *Client) list(ctx context.Context, caseID, groupID string) (listing, error) {
	for reading := 1; ; reading++ {
		l, err := c.readList(ctx, caseID, groupID)
		if !errors.Is(err, errListShrank) || reading == listReadings {
			return l, err
		}
	}
}

// listStable lists a ticket to compare or search it. Where two pages have the
// same messages it lists the ticket again: if the list stays as it was, they are
// equal messages. Otherwise it moves, and overlaps stays set.
func (c *Client) listStable(ctx context.Context, caseID, groupID string) (listing, error) {
	l, err := c.list(ctx, caseID, groupID)
	for reading := 1; err == nil && l.overlaps && reading < listReadings; reading++ {
		var again listing
		if again, err = c.list(ctx, caseID, groupID); err == nil {
			again.overlaps = again.overlaps && !again.includes(l)
			l = again
		}
	}
	return l, err
}

func sameMessages(a, b []Message) bool {
	return len(a) == len(b) && listing{messages: a}.includes(listing{messages: b})
}

// includes reports whether a listing has every message of an earlier one.
func (l listing) includes(earlier listing) bool {
	left := map[fields]int{}
	for i := range l.messages {
		left[l.messages[i].fields()]++
	}
	for i := range earlier.messages {
		f := earlier.messages[i].fields()
		if left[f]--; left[f] < 0 {
			return false
		}
	}
	return true
}

func (c *Client) readList(ctx context.Context, caseID, groupID string) (listing, error) {
	l := listing{began: c.clock.Now()}
	query := url.Values{"trim_osm_rich_text_label": {"false"}, "limit": {strconv.Itoa(pageSize)}}
	if groupID != "" {
		query.Set("group_id", groupID)
	}
	seen := map[fields]bool{}
	size := 0
	var previous, before []Message // the last page, and all of them, as the service gave them
	err := paginate(func(offset int) (items, count int, more bool, err error) {
		query.Set("offset", strconv.Itoa(offset))
		var p page
		if _, err := c.doIdempotent(ctx, request{
			method: "GET", path: casePath(caseID, "messages"), query: query, maxBody: maxTicketBytes, private: true,
		}, &p); err != nil {
			return 0, 0, false, err
		}
		grew := p.Count - l.count
		from, to := 0, 0
		if offset > 0 && grew > 0 {
			from, to = moved(before, p.Messages, grew)
		}
		added := slices.Concat(p.Messages[:from], p.Messages[max(from, to):])
		known := 0
		for i := range added {
			if seen[added[i].fields()] {
				known++
			}
		}
		for i := range p.Messages {
			seen[p.Messages[i].fields()] = true
			size += p.Messages[i].size()
		}
		switch {
		case offset > 0 && grew < 0:
			return 0, 0, false, errListShrank
		case len(p.Messages) > 0 && known == len(added) && (sameMessages(previous, p.Messages) || len(l.messages)+len(added) > p.Count):
			// The same page again. Another one that the count has room for may be of
			// messages that equal earlier ones.
			l.repeats = true
			return 0, 0, false, nil
		case size > maxTicketBytes:
			return 0, 0, false, errListTooLong
		}
		l.overlaps = l.overlaps || known > 0
		l.messages = append(l.messages, added...)
		l.count, previous, before = p.Count, p.Messages, append(before, p.Messages...)
		return len(p.Messages), p.Count, true, nil
	})
	if errors.Is(err, errOffset) {
		err = errTooManyMessages
	}
	return l, err
}

// moved returns which part of a page was on the pages before. Where the newest
// come first, each new message pushes one on to a later page.
func moved(before, page []Message, grew int) (from, to int) {
	from = max(grew-len(before), 0)
	to = min(grew, len(page))
	from = min(from, to)
	for i := from; i < to; i++ {
		if page[i].fields() != before[len(before)-grew+i].fields() {
			return 0, 0
		}
	}
	return from, to
}

// paginate gets one page of a list after the other. It ends even where the
// service's count is a lie, with an empty page, at the highest offset or the
// last of maxPages.
func paginate(get func(offset int) (items, count int, more bool, err error)) error {
	for offset, pages := 0, 0; offset <= maxOffset && pages < maxPages; pages++ {
		items, count, more, err := get(offset)
		if err != nil {
			return err
		}
		offset += items
		// A full page at the end asks for one more: the count may be too low.
		if !more || items == 0 || offset >= count && items < pageSize {
			return nil
		}
	}
	return errOffset
}
