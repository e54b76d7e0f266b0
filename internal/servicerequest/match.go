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
)

var markup = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)<!--.*?-->|</?[A-Za-z][^<>]*>`)
})

// canonical reduces a text to what survives a service that trims, strips
// markup or escapes HTML on showing it: the same text in each of these forms
// has the same canonical form. Messages that share it are "identical" here.
func canonical(s string) string {
	// Each round undoes one level of escaping; the bound is for hostile texts.
	for range 4 {
		next := html.UnescapeString(markup().ReplaceAllString(s, ""))
		if next == s {
			break
		}
		s = next
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// matcher finds copies of one message among those of a ticket.
type matcher struct {
	content     string // canonical
	accessories []string
	zone        *time.Location
}

func newMatcher(s Submission, timeZone string) matcher {
	ids := slices.Clone(s.AccessoryIDs)
	slices.Sort(ids)
	return matcher{content: canonical(s.Content), accessories: ids, zone: zone(timeZone)}
}

// likeness is how much a shown message is like ours, its time aside.
type likeness int

const (
	different likeness = iota
	perhaps            // it may be ours, cut short
	same
)

func (m matcher) like(shown Message) likeness {
	if shown.Type != AuthorCustomer || !m.likeAccessories(shown.Accessories) {
		return different
	}
	content := canonical(shown.Content)
	if content == m.content {
		return same
	}
	cut := strings.TrimSuffix(strings.TrimSuffix(content, "…"), "...")
	if utf8.RuneCountInString(shown.Content) >= minTruncated && strings.HasPrefix(m.content, cut) {
		return perhaps
	}
	return different
}

func (m matcher) likeAccessories(shown []Accessory) bool {
	if len(shown) != min(len(m.accessories), shownAccessories) && len(shown) != len(m.accessories) {
		return false
	}
	for _, a := range shown {
		if _, found := slices.BinarySearch(m.accessories, a.ID); !found {
			return false
		}
	}
	return true
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

// sighting counts the messages like ours within a period. Those in doubt, by
// their text or their time, make the difference between low and high.
type sighting struct {
	low, high int
	newest    time.Time // the latest create_time among the sure ones
}

// period is a span of the service's clock. The zero period is not known.
type period struct{ from, to time.Time }

func (p period) has(t time.Time) bool { return !t.Before(p.from) && !t.After(p.to) }

func (m matcher) count(candidates []candidate, in period) sighting {
	var s sighting
	for _, c := range candidates {
		created, certain, ok := ParseTime(c.time, m.zone)
		switch {
		case !ok || in == period{} || created.After(in.to):
			s.high++
		case in.has(created) && c.like == same:
			s.low++
			s.high++
			if created.After(s.newest) {
				s.newest = created
			}
		case in.has(created), !certain && in.hasInAnyZone(c.time):
			s.high++
		}
	}
	return s
}

// hasInAnyZone tells whether a time without a zone is in the period when it
// is not of the zone that was asked for, but of UTC or the service's default.
func (p period) hasInAnyZone(s string) bool {
	for _, other := range []*time.Location{time.UTC, zone("")} {
		if t, _, ok := ParseTime(s, other); ok && p.has(t) {
			return true
		}
	}
	return false
}
