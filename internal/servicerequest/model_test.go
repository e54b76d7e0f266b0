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

// The possible results of a POST or a list. The first is used when the model has made
// all its choices.
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
	listShowsAll = iota
	listShowsLate
	listDenied
	listFails // this request; the next may succeed
	listChoices
)

// world is a service whose every answer is a choice. It is an
// [http.RoundTripper].
type world struct {
	clock   *fakeClock
	choices []int // the choices to make
	limits  []int // how many there were at each
	copies  []time.Time

	unknown bool // an outcome of this message was not told
	listed  bool // the ticket was listed since the last POST
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
	choice := w.choose(listChoices)
	switch choice {
	case listDenied:
		return answer(http.StatusForbidden, "")
	case listFails:
		return answer(http.StatusBadGateway, "")
	}
	type item struct {
		Content string `json:"content"`
		Created string `json:"create_time"`
	}
	items := []item{}
	for _, at := range w.copies {
		// Late means within the time that is watched.
		if choice == listShowsAll || w.clock.Now().Sub(at) >= 6*time.Second {
			items = append(items, item{"Hello", at.Truncate(time.Second).Format(time.RFC3339)})
		}
	}
	w.listed = true
	body, _ := json.Marshal(map[string]any{"count": len(items), "message_list": items})
	return answer(http.StatusOK, string(body))
}

func (w *world) post(r *http.Request) (*http.Response, error) {
	if w.unknown && !w.listed {
		w.wrong = "a POST after an unknown outcome, without a check"
	}
	w.posts++
	w.listed = false
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

// next returns the next sequence of at most limit choices, in the order of a
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

// TestNoPathPostsTwiceWithoutACheck goes through every sequence of answers, for
// one message and for identical ones of one client, one after the other.
func TestNoPathPostsTwiceWithoutACheck(t *testing.T) {
	t.Parallel()
	for messages, most := range map[int]int{1: 7, 2: 6, 3: 5} {
		paths := 0
		ends := map[result]int{}
		for choices := []int{}; choices != nil; paths++ {
			w := &world{clock: newFakeClock(), choices: choices}
			c := newClient(t, "http://127.0.0.1:1", func(c *Config) { c.Clock, c.MaxRetries = w.clock, 4 })
			c.transport = w
			c.jitter = func() float64 { return 0.5 }
			receipts, doubts := 0, 0
			var got []result
			for range messages {
				before := len(w.copies)
				w.unknown = false // each message has its own attempts to account for
				r, err := c.Submit(t.Context(), hello())
				end := resultOf(t, r, err)
				got = append(got, end)
				ends[end]++
				switch copies := len(w.copies) - before; end {
				case gotReceipt, gotWarning:
					receipts++
					// None: an earlier unconfirmed copy was taken for it.
					if copies > 1 || copies < 1 && doubts == 0 {
						w.wrong = "a receipt without one copy"
					}
				case gotUnconfirmed:
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
				w.wrong = "the number on the ticket is wrong"
			}
			if w.wrong != "" {
				t.Fatalf("%s: choices %v, got %v, %d on the ticket after %d posts", w.wrong, w.choices, got, len(w.copies), w.posts)
			}
			choices = next(choices, w.limits, most)
		}
		t.Logf("%d messages, up to %d choices: %d paths, %v", messages, most, paths, ends)
	}
}
