package servicerequest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"
)

// What a POST or a look may come to. The first is what happens when the model
// has made all its choices.
const (
	postAccepted = iota
	postUnknownCommitted
	postUnknownNot
	postThrottled
	postRejected
	postNoConnection
	postChoices
)

const (
	lookShowsAll = iota
	lookShowsLate
	lookDenied
	lookFails // this request of the look; the next may succeed
	lookChoices
)

// world is a service whose every answer is a choice. It is an
// [http.RoundTripper].
type world struct {
	clock   *fakeClock
	choices []int // the choices to make
	limits  []int // how many there were at each
	copies  []time.Time

	unknown bool // the last POST's outcome was not told
	looked  bool // the ticket was read since, and nothing new was shown
	wrong   string
	posts   int
}

func (w *world) choose(n int) int {
	at := len(w.limits)
	w.limits = append(w.limits, n)
	if at < len(w.choices) {
		return w.choices[at]
	}
	return 0
}

var errWorld = errors.New("the connection broke")

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		return w.post(r)
	}
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)),
			Header: http.Header{"Date": {w.clock.Now().Format(http.TimeFormat)}}}, nil
	}
	connected(r)
	choice := w.choose(lookChoices)
	switch choice {
	case lookDenied:
		return answer(http.StatusForbidden, "")
	case lookFails:
		return answer(http.StatusBadGateway, "")
	}
	type item struct {
		Content string `json:"content"`
		Created string `json:"create_time"`
	}
	items := []item{}
	for _, at := range w.copies {
		// Late is at most what the looks wait for.
		if choice == lookShowsAll || w.clock.Now().Sub(at) >= 6*time.Second {
			items = append(items, item{"Hello", at.Truncate(time.Second).Format(time.RFC3339)})
		}
	}
	w.looked = true
	body, _ := json.Marshal(map[string]any{"count": len(items), "message_list": items})
	return answer(http.StatusOK, string(body))
}

func (w *world) post(r *http.Request) (*http.Response, error) {
	if w.unknown && !w.looked {
		w.wrong = "a POST after an unknown outcome, without a look"
	}
	w.posts++
	w.unknown, w.looked = false, false
	answer := func(status int, body string) (*http.Response, error) {
		connected(r)
		return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
	}
	switch w.choose(postChoices) {
	case postAccepted:
		w.copies = append(w.copies, w.clock.Now())
		return answer(http.StatusOK, "")
	case postUnknownCommitted:
		w.copies = append(w.copies, w.clock.Now())
		w.unknown = true
		connected(r)
		return nil, errWorld
	case postUnknownNot:
		w.unknown = true
		connected(r)
		return nil, errWorld
	case postThrottled:
		return answer(http.StatusTooManyRequests, "")
	case postRejected:
		return answer(http.StatusBadRequest, "")
	}
	return nil, errWorld // no connection
}

func connected(r *http.Request) {
	httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
}

// next is the next sequence of choices, of at most so many, in the order of a
// depth-first search.
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

// TestNoPathPostsTwiceWithoutALook goes through every sequence of answers, for
// one message and for identical ones of one client, one after the other.
func TestNoPathPostsTwiceWithoutALook(t *testing.T) {
	t.Parallel()
	for messages, most := range map[int]int{1: 6, 2: 5, 3: 4} {
		paths := 0
		ends := map[outcome]int{}
		for choices := []int{}; choices != nil; paths++ {
			w := &world{clock: newFakeClock(), choices: choices}
			c := newClient(t, "http://127.0.0.1:1", func(c *Config) { c.Clock, c.MaxRetries = w.clock, 4 })
			c.transport = w
			c.jitter = func() float64 { return 0.5 }
			receipts, doubts := 0, 0
			var told []outcome
			for range messages {
				before := len(w.copies)
				// Each message has its own attempts to account for.
				w.unknown = false
				_, err := c.Submit(t.Context(), hello())
				end := outcomeOf(t, err)
				told = append(told, end)
				ends[end]++
				switch copies := len(w.copies) - before; end {
				case "receipt":
					receipts++
					if copies != 1 {
						w.wrong = "a receipt without one copy of its own"
					}
				case toldUncertain:
					doubts++
					if copies > 1 {
						w.wrong = "unconfirmed, and more than one copy"
					}
				default:
					if copies != 0 {
						w.wrong = "told that it is not on the ticket, and it is"
					}
				}
			}
			if len(w.copies) < receipts || len(w.copies) > receipts+doubts {
				w.wrong = "the number of copies is wrong"
			}
			if w.wrong != "" {
				t.Fatalf("%s: choices %v, told %v, %d copies after %d posts", w.wrong, w.choices, told, len(w.copies), w.posts)
			}
			choices = next(choices, w.limits, most)
		}
		t.Logf("%d messages, up to %d choices: %d paths, %v", messages, most, paths, ends)
	}
}
