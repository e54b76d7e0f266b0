package delivery

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// listWith is a list of customers' texts; those after "E:" are an engineer's.
func listWith(texts ...string) servicerequest.Listing {
	var l servicerequest.Listing
	for _, text := range texts {
		content, engineers := strings.CutPrefix(text, "E:")
		m := servicerequest.Message{Content: content}
		if engineers {
			m.Type = servicerequest.AuthorEngineer
		}
		l.Messages = append(l.Messages, m)
	}
	return l
}

// Each row says what a check must make of a list, and why.
func TestJudge(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("The same words at the beginning. ", 5)
	filler := strings.Repeat("x", 100-len("run4711")) // of the first 100 letters and digits
	short, surplus, partial := listWith("Before", "Hello"), listWith("Before"), listWith("Before")
	short.Surplus, surplus.Surplus, partial.Partial = -1, 1, errBroken
	notThere := listWith("Before")
	notThere.Surplus = -1
	for name, tc := range map[string]struct {
		key, ours string
		sentAs    string // what this run has sent, and what came of it
		sent      sentText
		blind     bool // no baseline
		now       servicerequest.Listing
		want      presence
		why       error
	}{
		"nothing new":                          {ours: "Hello", now: listWith("Before"), want: absent},
		"ours":                                 {ours: "Hello", now: listWith("Before", "Hello"), want: present},
		"ours, in an equal form":               {ours: "Hello", now: listWith("Before", " Hello\u200b\n"), want: present},
		"ours, confirmed before":               {ours: "Hello", sentAs: "Hello", sent: sentText{possible: 2, confirmed: 1}, now: listWith("Before", "Hello"), want: absent},
		"one more than confirmed":              {ours: "Hello", sentAs: "Hello", sent: sentText{possible: 2, confirmed: 1}, now: listWith("Before", "Hello", "Hello"), want: present},
		"another of this run":                  {ours: "Hello", sentAs: "Bye", sent: sentText{possible: 1}, now: listWith("Before", "Bye"), want: absent},
		"more of another than were sent":       {ours: "Hello", sentAs: "Bye", sent: sentText{possible: 1}, now: listWith("Before", "Bye", "Bye"), why: errNotExplained},
		"someone else's":                       {ours: "Hello", now: listWith("Before", "Hi"), why: errNotExplained},
		"someone else's, once more":            {ours: "Hello", now: listWith("Before", "Before"), why: errNotExplained},
		"an engineer's":                        {ours: "Hello", now: listWith("Before", "E:Hi"), want: absent},
		"ours as an engineer's":                {ours: "Hello", now: listWith("Before", "E:Hello"), why: errNotExplained},
		"someone else's look-alike":            {ours: long + "1", now: listWith("Before", long+"9"), why: errNotExplained},
		"a look-alike in doubt":                {ours: long + "1", sentAs: long + "2", sent: sentText{possible: 1, doubtful: 1}, now: listWith("Before", long+"2"), why: errNotExplained},
		"a look-alike, confirmed":              {ours: long + "1", sentAs: long + "2", sent: sentText{possible: 1, confirmed: 1}, now: listWith("Before", long+"2"), want: absent},
		"ours may be the look-alike, doubtful": {ours: long + "1", sentAs: long + "2", sent: sentText{possible: 1, doubtful: 1}, now: listWith("Before", long+"1"), why: errNotExplained},
		"ours may be the look-alike":           {ours: long + "1", sentAs: long + "2", sent: sentText{possible: 1, confirmed: 1}, now: listWith("Before", long+"1"), why: errNotExplained},
		"ours, and the look-alikes":            {ours: long + "1", sentAs: long + "2", sent: sentText{possible: 2, confirmed: 1, doubtful: 1}, now: listWith("Before", long+"1", long+"2", long+"2"), want: present},
		"a text is gone":                       {ours: "Hello", now: listWith("Hello"), why: errLost},
		"counts less than it shows":            {ours: "Hello", now: surplus, why: errSurplus},
		"counts more than it shows, and ours":  {ours: "Hello", now: short, want: present},
		"counts more than it shows":            {ours: "Hello", now: notThere, why: errShort},
		"not whole":                            {ours: "Hello", now: partial, why: errBroken},
		"someone else's, with a key":           {ours: "Hello", now: listWith("Before", "[run 4712] Hi"), why: errNotExplained},
		"no baseline":                          {ours: "Hello", blind: true, now: listWith("Hello"), why: errNoBaseline},

		"the key":                        {key: "run 4711", ours: "Hello", now: listWith("Before", "[run 4711] Hello"), want: present},
		"the key, without a baseline":    {key: "run 4711", ours: "Hello", blind: true, now: listWith("[run 4711] Hello"), want: present},
		"the key, and a look-alike":      {key: "run 4711", ours: filler + "1", now: listWith("Before", "[run 4711] "+filler+"2"), want: present},
		"they part in the first 100":     {key: "run 4711", ours: filler[1:] + "1", now: listWith("Before", "[run 4711] "+filler[1:]+"2"), why: errKeyChanged},
		"the key, and another text":      {key: "run 4711", ours: "Hello", now: listWith("Before", "[run 4711] Bye"), why: errKeyChanged},
		"the key changed":                {key: "run 4711", ours: "Hello", now: listWith("Before", "RUN 4711: Hello"), why: errKeyChanged},
		"no key":                         {key: "run 4711", ours: "Hello", now: listWith("Before"), want: absent},
		"no key, without a baseline":     {key: "run 4711", ours: "Hello", blind: true, now: listWith("Hi"), want: absent},
		"no key, no baseline, not whole": {key: "run 4711", ours: "Hello", blind: true, now: partial, why: errBroken},
		"another key":                    {key: "run 4711", ours: "Hello", now: listWith("Before", "[run 4712] Hello"), want: absent},
		"an invalid key is no other key": {key: "run 4711", ours: "Hello", now: listWith("Before", "[run--4712] Hi"), why: errNotExplained},
		"the shortest other key":         {key: "run 4711", ours: "Hello", now: listWith("Before", "[note] Hi"), want: absent},
		"a word in brackets is no key":   {key: "run 4711", ours: "Hello", now: listWith("Before", "[API] Hi"), why: errNotExplained},
		"the key of another case":        {key: "run 4711", ours: "Hello", now: listWith("Before", "[RUN 4711] Bye"), why: errNotExplained},
		"a masked key":                   {key: "run 4711", ours: "Hello", now: listWith("Before", "[****] Bye"), why: errNotExplained},
		"someone else's, without a key":  {key: "run 4711", ours: "Hello", now: listWith("Before", "Hi"), why: errNotExplained},
	} {
		own := newOwnText(tc.key, tc.ours)
		before := newListing(1, listWith("Before"), nil)
		b := &baseline{shown: before.counts, sent: sentTexts{}}
		if tc.sentAs != "" {
			tc.sent.own = newOwnText("", tc.sentAs)
			b.sent[tc.sent.own.digest] = &tc.sent
		}
		if tc.blind {
			b.shown = nil
		}
		if got, err := b.judge(newListing(2, tc.now, before.forms), own); got != tc.want || !errors.Is(err, tc.why) {
			t.Errorf("%s: %s (%v), want %s (%v)", name, got, err, tc.want, tc.why)
		}
	}
}

func (p presence) String() string { return [...]string{"unclear", "absent", "present"}[p] }
