package servicerequest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// maxPages is far more than the longest list has, unless the service returns
	// very small pages.
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
	errTooManyMessages = errors.New("the ticket has more messages than can be listed: the limits are offset 65,535 and 2,000 pages")
	errListTooLong     = errors.New("the whole list is larger than 16 MiB")
	errListShrank      = errors.New("messages disappeared from the list while it was being read")
	errOffset          = errors.New("the list is too long: the limits are offset 65,535 and 2,000 pages")
	errOverlaps        = errors.New("two pages of the list contain the same messages, so others may be missing")
	errCountsMore      = errors.New("the service counts more items than it returns")
)

// Listing is a ticket's list of messages, read once from beginning to end.
type Listing struct {
	Began    time.Time // by the local clock
	Messages []Message // in the service's order, as shown, with Created set
	// Surplus is how many more messages the list has than the service counts. It is
	// negative if the list has fewer, and 0 if the service gives no count.
	Surplus int
	// Partial is why messages may be missing, or listed twice. Nil: the list is whole.
	Partial error
}

// List reads a ticket's messages, in order to compare or search them. It fails if they
// cannot be read, or if messages disappear in each of three readings.
//
// If two pages have the same messages, it lists the ticket again. If the list has not
// changed, they are equal messages. Otherwise the list moves between its pages.
func (c *Client) List(ctx context.Context, caseID, groupID string) (Listing, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	l, overlaps, err := c.list(ctx, caseID, groupID)
	for n := 1; err == nil && overlaps && n < listReadings; n++ {
		earlier := l.Messages
		l, overlaps, err = c.list(ctx, caseID, groupID)
		overlaps = overlaps && !includes(l.Messages, earlier)
	}
	switch {
	case err != nil:
		return Listing{}, err
	case l.Partial == nil && overlaps:
		l.Partial = errOverlaps
	}
	return l, nil
}

// list reads a ticket's messages, with markup as it was sent. It reads again
// while the list shrinks between two pages, since a message may have slipped
// past unseen. overlaps reports whether a page had messages of an earlier one.
// On error, list also returns the messages read so far.
func (c *Client) list(ctx context.Context, caseID, groupID string) (l Listing, overlaps bool, err error) {
	for n := 1; ; n++ {
		l, overlaps, err = c.readList(ctx, caseID, groupID)
		if !errors.Is(err, errListShrank) || n == listReadings {
			return l, overlaps, err
		}
	}
}

// includes reports whether messages have every one of the earlier ones.
func includes(messages, earlier []Message) bool {
	left := map[fields]int{}
	for i := range messages {
		left[messages[i].fields()]++
	}
	for i := range earlier {
		f := earlier[i].fields()
		if left[f]--; left[f] < 0 {
			return false
		}
	}
	return true
}

func (c *Client) readList(ctx context.Context, caseID, groupID string) (l Listing, overlaps bool, err error) {
	l.Began = c.clock.Now()
	query := inGroup(groupID)
	query.Set("trim_osm_rich_text_label", "false")
	query.Set("limit", strconv.Itoa(pageSize))
	r := c.request(http.MethodGet, casePath(caseID)+"/messages", query, nil)
	r.maxBody, r.private = c.maxTicket, true
	seen := map[fields]bool{}
	size, total := 0, 0            // total is the service's count, of the last page
	repeats := false               // the list ended with a page that had nothing new
	var previous, before []Message // the last page, and all of them, as the service gave them
	err = paginate(func(offset int) (items, count int, err error) {
		query.Set("offset", strconv.Itoa(offset))
		var p page
		if _, err := c.doIdempotent(ctx, r, &p); err != nil {
			return 0, 0, err
		}
		grew := p.Count - total
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
			return 0, 0, errListShrank
		case len(p.Messages) > 0 && known == len(added) &&
			(len(previous) == len(p.Messages) && includes(previous, p.Messages) || len(l.Messages)+len(added) > p.Count):
			// The same page again. If the count allowed for a further page, its messages
			// could be equal to earlier ones.
			repeats = true
			return 0, 0, nil
		case size > c.maxTicket:
			return 0, 0, errListTooLong
		}
		overlaps = overlaps || known > 0
		for _, m := range added {
			m.Created = c.parseTime(m.CreateTime)
			l.Messages = append(l.Messages, m)
		}
		total, previous, before = p.Count, p.Messages, append(before, p.Messages...)
		return len(p.Messages), p.Count, nil
	})
	if errors.Is(err, errOffset) {
		err = errTooManyMessages
	}
	if total > 0 {
		l.Surplus = len(l.Messages) - total
	}
	if l.Surplus < 0 && (repeats || len(l.Messages) == 0) {
		l.Partial = errCountsMore
	}
	return l, overlaps, err
}

// moved returns which part of a page was on the pages before. If the list shows
// the newest message first, each new message moves another to a later page.
func moved(before, page []Message, grew int) (from, to int) {
	from = max(grew-len(before), 0)
	to = min(grew, len(page))
	from = min(from, to)
	last := before[max(len(before)-grew, 0):]
	if !slices.EqualFunc(page[from:to], last[:to-from], func(a, b Message) bool { return a.fields() == b.fields() }) {
		return 0, 0
	}
	return from, to
}

// paginate gets the pages of a list. It ends even if the service's count is wrong:
// with an empty page, at the highest offset or after maxPages. To end the list, get
// returns no items.
func paginate(get func(offset int) (items, count int, err error)) error {
	for offset, pages := 0, 0; offset <= maxOffset && pages < maxPages; pages++ {
		items, count, err := get(offset)
		if err != nil {
			return err
		}
		offset += items
		// A full page at the end asks for one more: the count may be too low.
		if items == 0 || offset >= count && items < pageSize {
			return nil
		}
	}
	return errOffset
}
