package servicerequest

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// presence is the result of one check of the ticket for a message. The zero value
// is unclear, so that a case that the code does not handle never leads to another
// POST.
type presence int

const (
	unclear presence = iota
	absent
	present
)

func (p presence) String() string { return [...]string{"unclear", "absent", "present"}[p] }

// baseline is what a ticket had before an attempt, and what this run has sent
// since. An attempt is compared only with the baseline that it began with.
type baseline struct {
	taken   time.Time     // by the local clock
	shown   map[entry]int // nil: the ticket could not be listed
	why     error         // why it could not
	total   int           // messages
	surplus int           // see listing.surplus
	sent    *sentTexts
}

// sentTexts is what this run has sent to a ticket since a baseline was taken.
type sentTexts struct {
	mu     sync.Mutex
	byText map[digest]*sentText
}

// digest stands for a normalized text. It saves memory: a baseline is kept for the
// whole run.
type digest [sha256.Size]byte

// entry is the part of a listed message that checks compare. Times, order,
// authors and attachments are left out: no page documents how they are shown.
type entry struct {
	engineer bool
	text     digest
}

// sentText counts the copies of one text that this run has sent.
type sentText struct {
	own       *ownText
	possible  int // attempts that may have put a copy on the ticket
	confirmed int // messages that are known to be on it
	doubtful  int // messages that ended unconfirmed
}

// ownText is the text of a submission, in the forms that are compared.
type ownText struct {
	content  string
	digest   digest
	prefixes []string // by which look-alikes are found
}

func newOwnText(content string) *ownText {
	normalized := normalize(content)
	return &ownText{content: content, digest: sha256.Sum256([]byte(normalized)), prefixes: lookAlikePrefixes(normalized)}
}

// listedText is a text on the ticket, and the number of its messages.
type listedText struct {
	normalized string
	count      int
}

func countTexts(messages []Message) map[entry]listedText {
	counts := make(map[entry]listedText, len(messages))
	for _, m := range messages {
		normalized := normalize(m.Content)
		e := entry{m.Type == AuthorEngineer, sha256.Sum256([]byte(normalized))}
		counts[e] = listedText{normalized, counts[e].count + 1}
	}
	return counts
}

func newBaseline(l listing) *baseline {
	b := &baseline{taken: l.began, shown: map[entry]int{}, total: len(l.messages), surplus: l.surplus(), sent: &sentTexts{}}
	for e, text := range countTexts(l.messages) {
		b.shown[e] = text.count
	}
	return b
}

// add counts more copies of a text.
func (t *sentTexts) add(own *ownText, n sentText) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.byText[own.digest]
	if s == nil {
		if t.byText == nil {
			t.byText = map[digest]*sentText{}
		}
		s = &sentText{own: own}
		t.byText[own.digest] = s
	}
	s.possible += n.possible
	s.confirmed += n.confirmed
	s.doubtful += n.doubtful
}

var (
	errInDoubt      = errors.New("the ticket has new messages that may be this one in another form")
	errListSurplus  = errors.New("the list contains more messages than its count, so one may be listed twice")
	errListShort    = errors.New("the list omits more of the messages that it counts than before the message was sent")
	errListLost     = errors.New("the list no longer shows messages that it showed before")
	errNoBaseline   = errors.New("the ticket could not be listed before the message was sent, so there is nothing to compare with")
	errKeyMentioned = errors.New("another message of this run contains the same key")
)

// judge compares a listing with the baseline. It returns absent only if every new
// message is explained: any other may be ours in another form. The error says why
// the result is unclear.
func (b *baseline) judge(l listing, own *ownText) (presence, error) {
	switch {
	case b.shown == nil:
		return unclear, errNoBaseline
	case l.overlaps:
		return unclear, errOverlaps
	case l.surplus() > b.surplus:
		return unclear, errListSurplus
	}
	listed := countTexts(l.messages)
	b.sent.mu.Lock()
	defer b.sent.mu.Unlock()
	for e, n := range b.shown {
		if listed[e].count < n {
			return unclear, errListLost
		}
	}
	ours, alike, explained := 0, 0, true
	for e, text := range listed {
		added := text.count - b.shown[e]
		switch {
		case added == 0:
			continue
		case e.engineer:
			// Engineers may answer at any time, but not with our text.
			explained = explained && e.text != own.digest
			continue
		}
		if sharePrefix(lookAlikePrefixes(text.normalized), own.prefixes) {
			alike += added
		}
		if e.text == own.digest {
			ours = added
		} else if sent := b.sent.byText[e.text]; sent == nil || added > sent.possible {
			explained = false
		}
	}
	confirmed, others, doubtful := 0, 0, 0 // others are look-alikes of this run
	for _, sent := range b.sent.byText {
		switch {
		case sent.own.digest == own.digest:
			confirmed = sent.confirmed
		case sharePrefix(sent.own.prefixes, own.prefixes):
			others += sent.confirmed
			doubtful += sent.doubtful
		}
	}
	switch {
	// A look-alike may be shown with our text, even one that ended unconfirmed.
	case ours > confirmed && alike > confirmed+others+doubtful:
		return present, nil
	case l.surplus() < b.surplus:
		return unclear, errListShort
	case ours <= confirmed && alike <= confirmed+others && explained:
		return absent, nil
	}
	return unclear, errInDoubt
}

// judgeKey decides by the key alone. Another text of this run that mentions the
// key may or may not be among the messages that have it.
func (b *baseline) judgeKey(l listing, own *ownText, key string) (presence, error) {
	found := 0
	for _, m := range l.messages {
		if hasKey(m.Content, key) {
			found++
		}
	}
	b.sent.mu.Lock()
	defer b.sent.mu.Unlock()
	mentions := 0
	for _, sent := range b.sent.byText {
		if sent.own.digest != own.digest && hasKey(sent.own.content, key) {
			mentions += sent.possible
		}
	}
	switch notSearchable := l.notSearchable(); {
	case found > mentions:
		return present, nil
	case found > 0:
		return unclear, errKeyMentioned
	case notSearchable != nil:
		return unclear, notSearchable
	case b.shown != nil && len(l.messages) < b.total:
		return unclear, errListLost
	case b.shown != nil && l.surplus() < b.surplus:
		return unclear, errListShort
	}
	return absent, nil
}
