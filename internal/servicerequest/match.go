package servicerequest

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a match.
const (
	// clockSlack covers that Date and create_time are cut to the second, and
	// that the service has more than one machine.
	clockSlack = 2 * time.Second
	// shownAccessories is how many attachments of a message a list shows.
	shownAccessories = 5
	// minTruncated is the length, in characters, from which a text that is the
	// beginning of ours may be ours, cut by the service.
	minTruncated = 300
	// maxLevels is how often a text may be escaped upon itself.
	maxLevels = 16
)

// canonical reduces a text to what survives a service that trims, strips
// markup or escapes HTML on showing it: the same text in each of these forms
// has the same canonical form. Messages that share it are of one kind here.
func canonical(s string) string {
	s, _ = reduce(s)
	return squeeze(s)
}

// reduce strips markup and undoes escaping, level by level, and tells where in
// the result a < stands open.
func reduce(s string) (text string, open []int) {
	for range maxLevels {
		text, open = strip(s)
		if s = html.UnescapeString(text); s == text {
			break
		}
	}
	return text, open
}

// strip removes what stands between < and >, from the inside out. It is
// cruder than a service's stripping, so that what that leaves is reduced to the
// same.
func strip(s string) (text string, open []int) {
	if !strings.Contains(s, "<") {
		return s, nil
	}
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		switch {
		case s[i] == '>' && len(open) > 0:
			last := len(open) - 1
			out, open = out[:open[last]], open[:last]
			continue
		case s[i] == '<':
			open = append(open, len(out))
		}
		out = append(out, s[i])
	}
	return string(out), open
}

// unescaped is a text with its markup, however it was escaped, and whatever
// white space there is between its words.
func unescaped(s string) string {
	for range maxLevels {
		next := html.UnescapeString(s)
		if next == s {
			break
		}
		s = next
	}
	after := true // the beginning, or white space
	s = strings.Map(func(r rune) rune {
		if !blank(r) {
			after = false
			return r
		}
		if after {
			return -1
		}
		after = true
		return ' '
	}, s)
	return strings.TrimSuffix(s, " ")
}

func blank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if blank(r) {
			return -1
		}
		return r
	}, s)
}

// strippers are ways of stripping markup that reduce does not see through.
var strippers = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{regexp.MustCompile(`<[^>]*>`), regexp.MustCompile(`(?s)<!--.*?-->`)}
})

// matcher finds copies of one message among those of a ticket.
type matcher struct {
	content     string   // canonical
	text        string   // unescaped: it tells texts of one kind apart
	marked      bool     // it has markup
	crude       []string // what another way of stripping would leave
	accessories []string
	zone        *time.Location
}

func newMatcher(s Submission, zone *time.Location) matcher {
	ids := slices.Clone(s.AccessoryIDs)
	slices.Sort(ids)
	m := matcher{content: canonical(s.Content), text: unescaped(s.Content), accessories: ids, zone: zone}
	m.marked = squeeze(m.text) != m.content
	if strings.Contains(s.Content, "<") {
		for _, r := range strippers() {
			m.crude = append(m.crude, canonical(r.ReplaceAllString(s.Content, "")))
		}
	}
	return m
}

// likeness is how much a shown message is like ours, its time aside.
type likeness int

const (
	different likeness = iota
	partly             // it may be ours, if more attachments show later
	perhaps            // it may be ours, cut short or mangled
	akin               // of our kind, but its markup is not ours
	respaced           // ours or another of our kind: words are joined or apart
	stripped           // ours or another of our kind: its markup is gone
	exact              // ours
)

func (m matcher) like(shown Message) likeness {
	ours, all := m.attached(shown.Accessories)
	if shown.Type != AuthorCustomer || !ours {
		return different
	}
	content := canonical(shown.Content)
	alike := content == m.content || slices.Contains(m.crude, content) || beginsWith(m.content, shown.Content)
	switch {
	case !alike:
		return different
	case !all:
		return partly
	case content != m.content:
		return perhaps
	}
	text := unescaped(shown.Content)
	switch unmarked := squeeze(text) == content; {
	case text == m.text:
		return exact
	case unmarked && m.marked:
		return stripped
	case unmarked:
		return respaced
	}
	return akin
}

// cutEntity is a character reference whose end may be missing.
var cutEntity = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`&[#\w;]{0,40}$`) })

// beginsWith tells that a shown text may be another, of which the canonical form
// is given, cut by the service: anywhere, thus also within markup.
func beginsWith(whole, shown string) bool {
	if utf8.RuneCountInString(shown) < minTruncated {
		return false
	}
	shown = strings.TrimRightFunc(shown, unicode.IsSpace)
	shown = strings.TrimSuffix(strings.TrimSuffix(shown, "…"), "...")
	text, open := reduce(cutEntity().ReplaceAllString(shown, ""))
	text = cutEntity().ReplaceAllString(text, "")
	if strings.HasPrefix(whole, squeeze(text)) {
		return true
	}
	rest, from := whole, 0
	for _, at := range open {
		at = min(at, len(text))
		var found bool
		if rest, found = strings.CutPrefix(rest, squeeze(text[from:at])); !found {
			return false
		}
		// The other goes on without the <, so that in it that begins markup.
		if !strings.HasPrefix(rest, "<") {
			return true
		}
		from = at
	}
	return false
}

// IsShownAs tells whether a message on the ticket is what this one looks like
// there: as it is, or without its markup and the attachments beyond the fifth.
// Who wrote it, and when, does not count.
func (s Submission) IsShownAs(m Message) bool {
	m.Type = AuthorCustomer
	like := newMatcher(s, nil).like(m)
	return like == exact || like == stripped
}

// attached tells whether the attachments that are shown are ours, and whether
// they are all that a list would show: some may show later than the text.
func (m matcher) attached(shown []Accessory) (ours, all bool) {
	for _, a := range shown {
		if _, found := slices.BinarySearch(m.accessories, a.ID); !found {
			return false, false
		}
	}
	return true, len(shown) >= min(len(m.accessories), shownAccessories)
}

// candidate is a message like ours, kept until the service's clock is known.
type candidate struct {
	like likeness
	time string
}

func (m matcher) candidate(shown Message) (candidate, bool) {
	like := m.like(shown)
	// A time that is longer is none; cloned, not to keep the whole page.
	at := strings.Clone(shown.CreateTime[:min(len(shown.CreateTime), 64)])
	return candidate{like, at}, like != different
}

// tally counts messages. Those in doubt make the difference between low and high.
type tally struct {
	low, high int
	newest    time.Time // the latest create_time among the sure ones
}

// sighting is what a ticket shows within a period, by likeness.
type sighting [exact + 1]tally

// ofKind sums up all that is of our kind, or perhaps.
func (s sighting) ofKind() tally {
	var sum tally
	for _, t := range s {
		sum.low += t.low
		sum.high += t.high
		if t.newest.After(sum.newest) {
			sum.newest = t.newest
		}
	}
	return sum
}

// period is a span of the service's clock; one without an end is not known.
type period struct {
	from, to time.Time
	// anyZone: a time without a zone may be of any, not only of the likely ones.
	anyZone bool
}

func (p period) has(t time.Time) bool { return !t.Before(p.from) && !t.After(p.to) }

func (m matcher) count(candidates []candidate, in period) sighting {
	var s sighting
	for _, c := range candidates {
		t := &s[c.like]
		created, certain, ok := parseTime(c.time, m.zone)
		switch {
		case !ok || in.to.IsZero() || created.After(in.to):
			t.high++
		case in.has(created) && c.like > perhaps:
			t.low++
			t.high++
			if created.After(t.newest) {
				t.newest = created
			}
		case in.has(created), !certain && in.hasElsewhere(created):
			t.high++
		}
	}
	return s
}

// hasElsewhere tells whether a time without a zone is in the period when it is
// not of the zone that was asked for, but of UTC or the service's default, or
// of any. One that is later than the period is in doubt anyway.
func (p period) hasElsewhere(created time.Time) bool {
	if !p.anyZone {
		wall := created.Format(zoneless[0])
		for _, other := range []*time.Location{time.UTC, zone("")} {
			if t, _, ok := parseTime(wall, other); ok && p.has(t) {
				return true
			}
		}
		return false
	}
	const apart, step = 26 * time.Hour, 15 * time.Minute // of zones
	for d := step; d <= apart; d += step {
		if p.has(created.Add(d)) {
			return true
		}
	}
	return false
}
