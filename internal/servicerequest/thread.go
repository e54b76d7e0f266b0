package servicerequest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// messageOverhead is about what a message takes besides its texts.
	messageOverhead = 256
	// maxCompared bounds the work on a ticket whose list and detail tell the same
	// messages in different words: a few seconds. What is beyond it stays apart.
	maxCompared = 256 << 20
	// threadReads is how often a ticket is read whose list contradicts itself.
	threadReads = 3
)

// IncompleteError tells that a list is cut short. What there is comes with it.
type IncompleteError struct {
	Have int // items in the list
	Err  error
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("the list ends after %d: %v", e.Have, e.Err)
}
func (e *IncompleteError) Unwrap() error { return e.Err }

var (
	errListTooLong  = errors.New("the rest does not fit into 16 MiB")
	errTooDifferent = errors.New("the ticket's list and its detail show too many texts differently, so that some may be here twice")
	errRepeats      = errors.New("the service counts more, but gives the same page again")
)

// Messages reads all messages of a ticket, in the order of time, with their
// IDs where the ticket's detail has them. Together with an *IncompleteError
// come as many as there are.
//
// Only the list is sure to lead to every message, and only the detail has IDs.
// The list's pages may overlap, as a new message can move the others, and
// equal messages may be real. So what the detail has counts as often as the
// detail has it. Of the rest, equal messages on different pages count as one,
// unless the pages add up to the service's count; where they do not, the
// ticket is read again first.
func (c *Client) Messages(ctx context.Context, caseID, groupID string) ([]Message, error) {
	for read := 1; ; read++ {
		t, err := c.readThread(ctx, caseID, groupID)
		if err != nil {
			return nil, err
		}
		if !t.exact && t.collapse() && read < threadReads {
			continue
		}
		messages := t.inOrder()
		if t.cut != nil && (!errors.Is(t.cut, errRepeats) || len(messages) < t.count) {
			return messages, &IncompleteError{len(messages), t.cut}
		}
		return messages, nil
	}
}

// thread is a ticket's messages while they are put together.
type thread struct {
	listed []listed  // in the list's order, the oldest first
	late   []Message // the detail has them, and the list does not
	exact  bool      // the pages make up the count, which stayed the same
	count  int       // the service's
	cut    error     // why the list was not read to its end
}

// listed is a message of the list.
type listed struct {
	Message
	page  int
	state state
}

// state is how a listed message stands to the detail.
type state int

const (
	alone  state = iota // the detail does not have it
	known               // the detail has it
	double              // the detail has it, for another that is listed
)

// readThread reads the list and then the detail, so that a message that
// arrives in between is not missed.
func (c *Client) readThread(ctx context.Context, caseID, groupID string) (*thread, error) {
	t, err := c.readList(ctx, caseID, groupID)
	if err != nil {
		return nil, err
	}
	ticket, err := c.Case(ctx, caseID, groupID)
	if err != nil {
		return nil, err
	}
	// Both the same way round, so that equal messages meet in their order.
	if newestFirst(t.listed, func(m listed) Message { return m.Message }) {
		slices.Reverse(t.listed)
	}
	if newestFirst(ticket.Messages, func(m Message) Message { return m }) {
		slices.Reverse(ticket.Messages)
	}
	d := newDetail(ticket.Messages)
	// The equal ones first: one that is only alike must not take their place.
	for i := range t.listed {
		d.claimEqual(&t.listed[i])
	}
	for i := range t.listed {
		if t.listed[i].state == alone {
			d.claimAlike(&t.listed[i])
		}
	}
	if d.compared > maxCompared {
		t.cut = cmp.Or(t.cut, errTooDifferent)
	}
	t.listed = slices.DeleteFunc(t.listed, func(m listed) bool { return m.state == double })
	t.late = d.unclaimed()
	return t, nil
}

// readList reads the list's pages, up to one that brings nothing new.
func (c *Client) readList(ctx context.Context, caseID, groupID string) (*thread, error) {
	t := &thread{}
	seen := map[key]bool{}
	pages, size := 0, 0
	l, err := c.eachPage(ctx, caseID, groupID, func(p page) (more bool) {
		fresh := false
		for _, m := range p.Messages {
			k := m.key()
			size += m.size()
			fresh = fresh || !seen[k]
			seen[k] = true
		}
		switch {
		case len(p.Messages) > 0 && !fresh:
			t.cut = errRepeats
			return false
		case size > maxTicketBytes:
			t.cut = errListTooLong
			return false
		}
		for _, m := range p.Messages {
			m.ID, m.Created = "", c.readTime(m.CreateTime)
			t.listed = append(t.listed, listed{Message: m, page: pages})
		}
		pages++
		return true
	})
	if errors.Is(err, errTooManyMessages) {
		t.cut, err = err, nil
	}
	t.count = l.count
	t.exact = t.cut == nil && l.stable && l.seen == l.count
	return t, err
}

// collapse makes equal messages on different pages one, unless the detail
// tells them apart. It reports whether there were any.
func (t *thread) collapse() bool {
	type place struct {
		key  key
		page int
	}
	kept, here := map[key]int{}, map[place]int{}
	before := len(t.listed)
	t.listed = slices.DeleteFunc(t.listed, func(m listed) bool {
		if m.state != alone {
			return false
		}
		k := m.key()
		here[place{k, m.page}]++
		if here[place{k, m.page}] <= kept[k] {
			return true
		}
		kept[k]++
		return false
	})
	return len(t.listed) < before
}

// inOrder gives all messages in the order of time. Those of the same second
// stay in the service's order, and so do those whose time cannot be read.
func (t *thread) inOrder() []Message {
	messages := make([]Message, 0, len(t.listed)+len(t.late))
	for _, m := range t.listed {
		messages = append(messages, m.Message)
	}
	messages = append(messages, t.late...)

	type dated struct {
		at time.Time
		Message
	}
	order := make([]dated, len(messages))
	var at time.Time
	for i, m := range messages {
		if !m.Created.IsZero() {
			at = m.Created
		}
		order[i] = dated{at, m}
	}
	slices.SortStableFunc(order, func(a, b dated) int { return a.at.Compare(b.at) })
	for i := range order {
		messages[i] = order[i].Message
	}
	return messages
}

// newestFirst tells the order of a list: by its first and last time, and where
// these are the same, by where the ticket's first message is.
func newestFirst[T any](list []T, message func(T) Message) bool {
	if len(list) < 2 {
		return false
	}
	first, last := message(list[0]), message(list[len(list)-1])
	if !first.Created.IsZero() && !last.Created.IsZero() && !first.Created.Equal(last.Created) {
		return first.Created.After(last.Created)
	}
	return last.IsFirst == 1 && first.IsFirst != 1
}

// key is all that a list tells of a message.
type key struct {
	kind, replierType, first                            int
	replier, replierName, content, created, accessories string
}

func (m *Message) key() key {
	return key{m.Type, m.ReplierType, m.IsFirst, m.Replier, m.ReplierName, m.Content, m.CreateTime, m.accessoryIDs()}
}

func (m *Message) accessoryIDs() string {
	var ids strings.Builder
	for _, a := range m.Accessories {
		ids.WriteString(a.ID + "\x00")
	}
	return ids.String()
}

func (m *Message) size() int {
	n := messageOverhead + len(m.Content) + len(m.Replier) + len(m.ReplierName) + len(m.CreateTime)
	for _, a := range m.Accessories {
		n += len(a.ID) + len(a.Name)
	}
	return n
}

// detail is a ticket's messages as its detail has them, each to be claimed by
// the listed message that is the same.
type detail struct {
	messages []Message
	claimed  []bool
	equal    map[key][]int   // not claimed, by what list and detail must have in common
	at       map[int64][]int // by second; unreadable times are at unread

	canonical []string         // of the contents; nil until it is needed
	byText    map[string][]int // by the same
	all       []int            // every message
	compared  int              // bytes of text so far, to find what is alike
}

const unread = -1

// newDetail leaves out messages without an ID: they tell nothing that the list
// does not.
func newDetail(messages []Message) *detail {
	d := &detail{equal: map[key][]int{}, at: map[int64][]int{}}
	for _, m := range messages {
		if m.ID == "" {
			continue
		}
		i := len(d.messages)
		d.messages = append(d.messages, m)
		d.equal[m.common()] = append(d.equal[m.common()], i)
		d.at[m.second()] = append(d.at[m.second()], i)
	}
	d.claimed = make([]bool, len(d.messages))
	return d
}

// common is the part of the key that the detail has too.
func (m *Message) common() key {
	return key{kind: m.Type, replier: m.Replier, content: m.Content, created: m.CreateTime, accessories: m.accessoryIDs()}
}

func (m *Message) second() int64 {
	if m.Created.IsZero() {
		return unread
	}
	return m.Created.Unix()
}

// claimEqual claims a message that is equal.
func (d *detail) claimEqual(m *listed) {
	k := m.common()
	if same := d.equal[k]; len(same) > 0 {
		d.equal[k] = same[1:]
		d.claim(same[0], m)
	}
}

// claimAlike claims a message of the same second whose text one of the two
// calls may have cut short, or stripped of markup. Where all of these are
// claimed, m is a double.
func (d *detail) claimAlike(m *listed) {
	if d.canonical == nil {
		d.canonical, d.byText, d.all = make([]string, len(d.messages)), map[string][]int{}, make([]int, len(d.messages))
		for i, other := range d.messages {
			d.canonical[i] = canonical(other.Content)
			d.byText[d.canonical[i]] = append(d.byText[d.canonical[i]], i)
			d.all[i] = i
		}
	}
	content := canonical(m.Content)
	if m.second() != unread {
		_ = d.tryAlike(m, content, d.at[m.second()]) || d.tryAlike(m, content, d.at[unread])
		return
	}
	_ = d.tryAlike(m, content, d.byText[content]) || d.tryAlike(m, content, d.all)
}

// tryAlike claims the first of the candidates that is alike and not claimed.
func (d *detail) tryAlike(m *listed, content string, candidates []int) bool {
	for _, i := range candidates {
		other := &d.messages[i]
		same := content == d.canonical[i]
		switch {
		case other.Type != m.Type || same && d.claimed[i] && m.state == double:
			continue
		case !same:
			if d.compared += messageOverhead + len(m.Content) + len(other.Content); d.compared > maxCompared {
				return false
			}
			if !beginsWith(d.canonical[i], m.Content) && !beginsWith(content, other.Content) {
				continue
			}
		}
		if !d.claimed[i] {
			d.claim(i, m)
			return true
		}
		m.state = double
	}
	return false
}

// claim gives a listed message its ID, and what the list does not have.
func (d *detail) claim(i int, m *listed) {
	d.claimed[i], m.state = true, known
	from := d.messages[i]
	m.ID = from.ID
	m.Replier, m.ReplierName = cmp.Or(m.Replier, from.Replier), cmp.Or(m.ReplierName, from.ReplierName)
	m.IsFirst = max(m.IsFirst, from.IsFirst)
	if len(from.Content) > len(m.Content) && utf8.RuneCountInString(m.Content) >= minTruncated {
		m.Content = from.Content
	}
	if len(from.Accessories) > len(m.Accessories) {
		m.Accessories = from.Accessories
	}
	if m.Created.IsZero() {
		m.CreateTime, m.Created = from.CreateTime, from.Created
	}
}

// unclaimed are the messages that the list does not have.
func (d *detail) unclaimed() []Message {
	var late []Message
	for i, m := range d.messages {
		if !d.claimed[i] {
			late = append(late, m)
		}
	}
	return late
}
