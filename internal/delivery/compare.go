package delivery

import (
	"cmp"
	"errors"
	"maps"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// presence is the result of one check of the ticket for a message. The zero value is unclear, so that a case that the
// code does not handle never leads to another POST.
type presence int

const (
	unclear presence = iota
	absent
	present
)

// listing is a ticket's list, with its texts in the forms that are compared.
type listing struct {
	servicerequest.Listing
	ended   time.Time     // when it was read
	number  int           // of the listings of this ticket, from 1
	texts   []*shownText  // of its messages
	forms   forms         // the same by content
	counts  map[entry]int // messages
	longest int           // characters of the longest text
}

// forms are texts by what the ticket shows. A text is brought into the forms that are compared once, not once for each
// key, each check or each listing.
type forms map[string]*shownText

// entry is what checks compare of a message. Times, order, authors' names and attachments are left out: no page
// documents how they are shown. Everyone who is not an engineer counts as the customer.
type entry struct {
	engineer bool
	text     digest
}

func newListing(number int, answer servicerequest.Listing, known forms) *listing {
	l := &listing{Listing: answer, number: number, texts: make([]*shownText, len(answer.Messages)), forms: forms{}, counts: map[entry]int{}}
	for i, m := range l.Messages {
		s := cmp.Or(l.forms[m.Content], known[m.Content])
		if s == nil {
			s = newShownText(m.Content)
		}
		l.texts[i], l.forms[m.Content] = s, s
		l.counts[l.entry(i)]++
		l.longest = max(l.longest, s.length)
	}
	return l
}

func (l *listing) entry(i int) entry {
	return entry{l.Messages[i].Type == servicerequest.AuthorEngineer, l.texts[i].digest}
}

// found is what a listing has of a key.
type found struct {
	copies   int // messages that begin with the key and show our text
	ours     int // of these, the customer's
	first    int // the index of one of these, and how it shows our text
	match    match
	conflict int  // the index of one that has the key and another text, or may be ours with its key changed; -1: none
	alike    bool // one that has the key looks like ours
}

// search looks for the key of ours, whoever is shown as the author.
func (l *listing) search(own *ownText) found {
	f := found{conflict: -1}
	for i, s := range l.texts {
		hasKey, match := s.hasKey(own), differs
		if hasKey {
			match = s.shows(own, l.longest)
		}
		switch {
		case match != differs:
			if f.copies++; f.copies == 1 || match == whole && f.match == cut {
				f.first, f.match = i, match
			}
			if !l.entry(i).engineer {
				f.ours++
			}
		case hasKey || s.mayBe(own):
			f.conflict = i
			f.alike = f.alike || hasKey && s.beginning == own.beginning
		}
	}
	return f
}

// baseline is what a ticket had before an attempt, and what this run has sent since. An attempt is compared only with
// the baseline that it began with.
type baseline struct {
	shown   map[entry]int // nil: there is nothing to compare with
	why     error         // why there is not
	surplus int
	sent    sentTexts
}

// sentTexts are the texts that this run has sent since a baseline was taken.
type sentTexts map[digest]*sentText

// sentText counts the copies of one exact text.
type sentText struct {
	own       *ownText
	possible  int // attempts that may have put a copy on the ticket
	confirmed int // messages that are known to be on it
	doubtful  int // messages that ended unconfirmed
}

func (t sentTexts) of(own *ownText) *sentText {
	if t[own.digest] == nil {
		t[own.digest] = &sentText{own: own}
	}
	return t[own.digest]
}

var (
	errNotExplained = errors.New("the ticket has new messages that may be this one in another form")
	errKeyChanged   = errors.New("the ticket has a message with this key and another text, or one that may be this message with its key changed")
	errNoBaseline   = errors.New("the ticket could not be listed before the message was sent, so there is nothing to compare with")
	errSurplus      = errors.New("the list contains more messages than its count, so one may be listed twice")
	errShort        = errors.New("the list omits more of the messages that it counts than before the message was sent")
	errLost         = errors.New("the list no longer shows messages that it showed before")
)

// judge compares a listing with what the ticket had before. The error says why the result is unclear. With a key, the
// key decides first. Where it says nothing, and there is a baseline, the verdict is the one without a key.
func (b *baseline) judge(l *listing, own *ownText) (presence, error) {
	if own.key != "" {
		switch f := l.search(own); {
		case f.copies > 0 || f.alike: // before the first attempt there was none
			return present, nil
		case f.conflict >= 0:
			return unclear, errKeyChanged
		}
	}
	switch {
	case b.shown == nil && own.key == "":
		return unclear, errNoBaseline
	case l.Partial != nil:
		return unclear, l.Partial
	case b.shown == nil: // the key decides alone
		return absent, nil
	case l.Surplus > b.surplus:
		return unclear, errSurplus
	}
	for e, n := range b.shown {
		if l.counts[e] < n {
			return unclear, errLost
		}
	}
	ours, alike, explained := b.added(l, own)
	confirmed, others, doubtful := b.accounted(own)
	switch {
	// One copy of our text more than this run has confirmed is ours. But a look-alike may be shown with our text. So
	// there must also be one look-alike more than this run has confirmed or is in doubt about.
	case ours > confirmed && alike > confirmed+others+doubtful:
		return present, nil
	case l.Surplus < b.surplus:
		return unclear, errShort
	case ours <= confirmed && alike <= confirmed+others && explained:
		return absent, nil
	}
	return unclear, errNotExplained
}

// added counts the customer's messages that the listing has and the baseline has not: those with our text, and those
// that look like ours, these included. explained reports whether all others are known to be something else.
func (b *baseline) added(l *listing, own *ownText) (ours, alike int, explained bool) {
	explained = true
	left, added := maps.Clone(b.shown), map[digest]int{}
	for i, s := range l.texts {
		e := l.entry(i)
		switch {
		case left[e] > 0: // one of the baseline's
			left[e]--
			continue
		case e.engineer: // engineers may answer at any time, but not with our text
			explained = explained && e.text != own.digest
			continue
		case s.beginning == own.beginning:
			alike++
		}
		added[e.text]++
		sent := b.sent[e.text]
		switch {
		case e.text == own.digest:
			ours++
		case sent != nil && added[e.text] <= sent.possible: // this run has sent it
		case own.key != "" && s.hasOtherKey(own): // another run has
		default:
			explained = false
		}
	}
	return ours, alike, explained
}

// accounted counts what this run has sent: the confirmed copies of our text, those of its look-alikes, and the
// look-alikes that ended unconfirmed.
func (b *baseline) accounted(own *ownText) (confirmed, others, doubtful int) {
	for _, sent := range b.sent {
		switch {
		case sent.own.digest == own.digest:
			confirmed = sent.confirmed
		case sent.own.beginning == own.beginning:
			others += sent.confirmed
			doubtful += sent.doubtful
		}
	}
	return confirmed, others, doubtful
}
