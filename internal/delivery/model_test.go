package delivery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// modelFates are the possible results of a POST. The first is used when the model has made all its choices.
var modelFates = []fate{accepted, lostAnswer(true), lostAnswer(false), throttled, rejected, notSent, refusedUnknown(true), refusedUnknown(false)}

// The possible results of a list.
const (
	listShowsAll = iota
	listShowsLate
	listDenied
	listFails // this time; the next may succeed
	listChoices
)

// model is a ticket whose every answer is a choice.
type model struct {
	fakeTicket
	choices []int // the choices to make
	limits  []int // how many there were at each
	unknown bool  // an outcome of this message was not told
	listed  bool  // the ticket was listed since the last POST
	wrong   string
}

func (m *model) choose(n int) int {
	at := len(m.limits)
	m.limits = append(m.limits, n)
	if at < len(m.choices) {
		return m.choices[at]
	}
	return 0
}

func (m *model) post(int, servicerequest.Post) fate {
	if m.unknown && !m.listed {
		m.wrong = "a POST after an unknown outcome, without a check"
	}
	m.listed = false
	got := modelFates[m.choose(len(modelFates))]
	m.unknown = m.unknown || got.attempt.Outcome == servicerequest.Unknown || got.attempt.Outcome == servicerequest.UnknownRefused
	return got
}

func (m *model) list(_ context.Context, _ int, l *servicerequest.Listing) error {
	switch m.choose(listChoices) {
	case listDenied:
		return errDenied
	case listFails:
		return errFailing
	case listShowsLate: // within the time that is watched
		shown := l.Messages[:0]
		for _, message := range l.Messages {
			if time.Since(message.Created) >= 6*time.Second {
				shown = append(shown, message)
			}
		}
		l.Messages = shown
	}
	m.listed = true
	return nil
}

// next returns the next sequence of at most limit choices, in the order of a depth-first search.
func next(choices, limits []int, most int) []int {
	for len(choices) < min(len(limits), most) {
		choices = append(choices, 0)
	}
	for i := min(len(choices), len(limits), most) - 1; i >= 0; i-- {
		if choices[i]+1 < limits[i] {
			return append(choices[:i:i], choices[i]+1)
		}
	}
	return nil
}

// TestNoPathPostsTwiceWithoutACheck goes through every sequence of answers, for one message and for identical ones of
// one run, one after the other, without a key and for one message with a key.
func TestNoPathPostsTwiceWithoutACheck(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		key            string
		messages, most int
	}{{"", 1, 6}, {"", 2, 5}, {"", 3, 4}, {"deploy 4711", 1, 6}, {"deploy 4711", 2, 5}} {
		paths := 0
		ends := map[result]int{}
		for choices := []int{}; choices != nil; paths++ {
			m := &model{choices: choices}
			m.onPost, m.onList = m.post, m.list
			synctest.Test(t, func(t *testing.T) { m.run(t, tc.key, tc.messages, ends) })
			if m.wrong != "" {
				t.Fatalf("%s: key %q, choices %v, %d on the ticket after %d posts", m.wrong, tc.key, m.choices, len(m.messages), m.posts)
			}
			choices = next(choices, m.limits, tc.most)
		}
		t.Logf("key %q, %d messages, up to %d choices: %d paths, %v", tc.key, tc.messages, tc.most, paths, ends)
	}
}

func (m *model) run(t *testing.T, key string, messages int, ends map[result]int) {
	d := New(m, Config{MaxRetries: 4, Random: func() float64 { return 0.5 }})
	receipts, doubts := 0, 0
	for range messages {
		before := len(m.messages)
		m.unknown = false // each message has its own attempts to account for
		r, _, err := d.Deliver(t.Context(), Message{CaseID: testCase, Content: "Hello", Key: key})
		end := resultOf(r, err)
		ends[end]++
		switch stored := len(m.messages) - before; end {
		case gotExisting:
			if len(m.messages) == 0 {
				m.wrong = "a message was found that is not there"
			}
		case gotReceipt, gotResent:
			receipts++
			// None: an earlier unconfirmed copy was taken for it.
			if stored > 1 || stored < 1 && doubts == 0 {
				m.wrong = "a receipt without one copy"
			}
		case gotUnconfirmed:
			doubts++
			if stored > 1 {
				m.wrong = "unconfirmed, and more than one copy"
			}
		default:
			if stored != 0 {
				m.wrong = "told that it is not on the ticket, and it is"
			}
		}
	}
	if len(m.messages) < receipts || len(m.messages) > receipts+doubts {
		m.wrong = "the number on the ticket is wrong"
	}
}
