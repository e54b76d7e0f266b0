package servicerequest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeTicket is a service with one ticket, as a transport. The test decides what it
// does at each request.
type fakeTicket struct {
	clock *fakeClock
	lag   time.Duration // until a message shows

	mu       sync.Mutex
	messages []fakeMessage
	posts    int
	lists    int

	// onPost decides about the nth POST: whether the message comes, and whether
	// the answer is lost. onList, unless it returns "", is the nth answer to a list.
	onPost func(n int, content string) (commit bool, err error)
	onList func(n int, honest string) string
}

type fakeMessage struct {
	content string
	shows   time.Time
}

var errReset = errors.New("connection reset")

func (f *fakeTicket) RoundTrip(r *http.Request) (*http.Response, error) {
	connected(r)
	answer := func(body string) *http.Response {
		return &http.Response{StatusCode: http.StatusOK, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
	}
	f.mu.Lock()
	if r.Method == http.MethodPost {
		var body postBody
		_ = json.NewDecoder(r.Body).Decode(&body)
		f.posts++
		n := f.posts
		f.mu.Unlock()
		commit, err := true, error(nil)
		if f.onPost != nil {
			commit, err = f.onPost(n, body.Message.Content)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if commit {
			f.messages = append(f.messages, fakeMessage{body.Message.Content, f.clock.Now().Add(f.lag)})
		}
		return answer(""), err
	}
	f.lists++
	n := f.lists
	items := []map[string]any{}
	for _, m := range f.messages {
		if !m.shows.After(f.clock.Now()) {
			items = append(items, map[string]any{"content": m.content})
		}
	}
	f.mu.Unlock()
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	page := items[min(offset, len(items)):min(offset+pageSize, len(items))]
	honest, _ := json.Marshal(map[string]any{"count": len(items), "message_list": page})
	if f.onList != nil {
		if other := f.onList(n, string(honest)); other != "" {
			return answer(other), nil
		}
	}
	return answer(string(honest)), nil
}

func (f *fakeTicket) client(t *testing.T) *Client {
	t.Helper()
	c := newClient(t, "http://127.0.0.1:1", func(c *Config) { c.Clock = f.clock })
	c.transport = f
	c.jitter = func() float64 { return 0 }
	return c
}

func (f *fakeTicket) count(content string) int {
	n := 0
	for _, m := range f.messages {
		if m.content == content {
			n++
		}
	}
	return n
}

func submit(t *testing.T, c *Client, s Submission, want result) {
	t.Helper()
	s.CaseID = testCase
	r, err := c.Submit(t.Context(), s)
	wantResult(t, r, err, want)
}

// A listing for a key search does not become the baseline while a message of this run
// may still show.
func TestSearchIsNoBaselineAfterAnAttempt(t *testing.T) {
	t.Parallel()
	f := &fakeTicket{clock: newFakeClock(), lag: 3 * time.Second}
	f.onPost = func(n int, content string) (bool, error) {
		if n == 1 {
			f.clock.advance(11 * time.Second) // the first listing is too old to search
		}
		if n >= 3 {
			return false, errReset
		}
		return true, nil
	}
	c := f.client(t)
	submit(t, c, Submission{Content: "X"}, gotReceipt)
	submit(t, c, Submission{Content: "[deploy 1] y", IdempotencyKey: "[deploy 1]"}, gotReceipt)
	submit(t, c, Submission{Content: "X"}, gotNotSent)
	if n := f.count("X"); n != 1 {
		t.Errorf("%d on the ticket", n)
	}
}

// Neither does a listing that began while a message was under way.
func TestSearchIsNoBaselineDuringAnAttempt(t *testing.T) {
	t.Parallel()
	f := &fakeTicket{clock: newFakeClock()}
	posted, answered, listing, listed := make(chan bool), make(chan bool), make(chan bool), make(chan bool)
	f.onPost = func(n int, content string) (bool, error) {
		switch {
		case n == 1:
			close(posted)
			<-answered
		case content == "X":
			return false, errReset
		}
		return true, nil
	}
	f.onList = func(n int, honest string) string {
		if n != 2 {
			return ""
		}
		close(listing)
		<-listed
		return honest // as it was when the request came
	}
	c := f.client(t)
	var first, second sync.WaitGroup
	first.Go(func() { submit(t, c, Submission{Content: "X"}, gotReceipt) })
	<-posted
	f.clock.advance(11 * time.Second)
	second.Go(func() { submit(t, c, Submission{Content: "[deploy 1] y", IdempotencyKey: "[deploy 1]"}, gotReceipt) })
	<-listing
	close(answered)
	first.Wait()
	close(listed)
	second.Wait()
	submit(t, c, Submission{Content: "X"}, gotNotSent)
}

// Messages that were sent with another group count, too: they may be missing in the
// baseline, and show in a check.
func TestGroupsCountTogether(t *testing.T) {
	t.Parallel()
	t.Run("soon after", func(t *testing.T) {
		t.Parallel()
		f := &fakeTicket{clock: newFakeClock(), lag: 3 * time.Second}
		f.onPost = func(n int, _ string) (bool, error) { return n == 1, map[bool]error{false: errReset}[n == 1] }
		c := f.client(t)
		submit(t, c, Submission{Content: "X"}, gotReceipt)
		submit(t, c, Submission{Content: "X", GroupID: "g"}, gotUnconfirmed)
	})
	t.Run("meanwhile", func(t *testing.T) {
		t.Parallel()
		f := &fakeTicket{clock: newFakeClock()}
		posted, answered := make(chan bool), make(chan bool)
		f.onPost = func(n int, content string) (bool, error) {
			switch {
			case content == "slow":
				close(posted)
				<-answered
			case n > 2:
				return false, errReset
			}
			return true, nil
		}
		c := f.client(t)
		var slow sync.WaitGroup
		slow.Go(func() { submit(t, c, Submission{Content: "slow"}, gotReceipt) })
		<-posted
		submit(t, c, Submission{Content: "X", GroupID: "g"}, gotReceipt)
		submit(t, c, Submission{Content: "X"}, gotNotSent)
		close(answered)
		slow.Wait()
	})
}

// A last page whose messages equal earlier ones is not a repeated page.
func TestEqualMessagesOnTheLastPage(t *testing.T) {
	t.Parallel()
	f := &fakeTicket{clock: newFakeClock()}
	for i := range 99 {
		f.messages = append(f.messages, fakeMessage{content: fmt.Sprint("Before ", i)})
	}
	f.onPost = func(n int, _ string) (bool, error) { return true, map[bool]error{true: errReset}[n == 2] }
	c := f.client(t)
	submit(t, c, Submission{Content: "X"}, gotReceipt)
	submit(t, c, Submission{Content: "X"}, gotReceipt)
	if n := f.count("X"); n != 2 {
		t.Errorf("%d on the ticket", n)
	}
}

// A list that counts messages but returns none cannot be searched. A list that lost
// messages cannot rule out a key.
func TestListWithoutItsMessages(t *testing.T) {
	t.Parallel()
	for _, list := range []string{`{"count":5,"message_list":[]}`, `{"count":5}`, `{"count":5,"message_list":null}`, `{"message_list":null}`} {
		f := &fakeTicket{clock: newFakeClock(), onList: func(int, string) string { return list }}
		submit(t, f.client(t), Submission{Content: "[deploy 1] y", IdempotencyKey: "[deploy 1]"}, gotNotSearched)
		if f.posts != 0 {
			t.Errorf("%s: %d posts", list, f.posts)
		}
	}
	for _, key := range []string{"", "[deploy 1]"} {
		f := &fakeTicket{clock: newFakeClock(), messages: []fakeMessage{{content: "Before"}}}
		f.onPost = func(int, string) (bool, error) { return true, errReset }
		f.onList = func(n int, _ string) string { return map[bool]string{true: `{"count":0,"message_list":[]}`}[n > 1] }
		submit(t, f.client(t), Submission{Content: "[deploy 1] y", IdempotencyKey: key}, gotUnconfirmed)
		if f.posts != 1 {
			t.Errorf("key %q: %d posts", key, f.posts)
		}
	}
}

// A count that changes from page to page does no harm.
func TestCountThatJumps(t *testing.T) {
	t.Parallel()
	f := &fakeTicket{clock: newFakeClock()}
	for i := range 101 {
		f.messages = append(f.messages, fakeMessage{content: fmt.Sprint("Before ", i)})
	}
	f.onList = func(n int, honest string) string {
		if n%2 == 0 {
			return strings.Replace(honest, `"count":101`, `"count":100000`, 1)
		}
		return ""
	}
	submit(t, f.client(t), Submission{Content: "X"}, gotReceipt)
}

// The checks count from the moment when the answer broke off, not from its header.
func TestChecksCountFromTheEndOfTheAttempt(t *testing.T) {
	t.Parallel()
	f := &fakeTicket{clock: newFakeClock(), lag: 31 * time.Second}
	c := f.client(t)
	c.transport = transportFunc(func(r *http.Request) (*http.Response, error) {
		resp, err := f.RoundTrip(r)
		if r.Method == http.MethodPost {
			resp.ContentLength, resp.Body = -1, io.NopCloser(stalledBody{f.clock})
		}
		return resp, err
	})
	submit(t, c, Submission{Content: "X"}, gotReceipt)
	if f.posts != 1 {
		t.Errorf("%d posts", f.posts)
	}
}

// stalledBody returns nothing until the time is up.
type stalledBody struct{ clock *fakeClock }

func (b stalledBody) Read([]byte) (int, error) {
	b.clock.advance(30 * time.Second)
	return 0, context.DeadlineExceeded
}

// A caller that is cancelled while it lists does not cost others their baseline.
func TestCancelledListingIsNoFailedBaseline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeTicket{clock: newFakeClock()}
	f.onList = func(n int, _ string) string {
		if n == 1 {
			cancel()
			return "garbage"
		}
		return ""
	}
	f.onPost = func(int, string) (bool, error) { return true, errReset }
	c := f.client(t)
	r, err := c.Submit(ctx, Submission{CaseID: testCase, Content: "X"})
	wantResult(t, r, err, gotNotSent)
	submit(t, c, Submission{Content: "Y"}, gotReceipt)
}

// If a message was not on the ticket when last checked, the next submission with its
// key searches again.
func TestKeyIsSearchedForAfterAnUnknownAttempt(t *testing.T) {
	t.Parallel()
	f := &fakeTicket{clock: newFakeClock(), lag: 7 * time.Second}
	f.onPost = func(int, string) (bool, error) { return true, errReset }
	c := f.client(t)
	c.config.MaxRetries = 0
	s := Submission{Content: "[deploy 1] y", IdempotencyKey: "[deploy 1]"}
	submit(t, c, s, gotNotSent)
	f.clock.advance(2 * time.Second)
	submit(t, c, s, gotReceipt)
	if n := f.count("[deploy 1] y"); n != 1 {
		t.Errorf("%d on the ticket", n)
	}
}

// A caller that may not list the ticket sends no message with a key.
func TestKeyThatTheContentDoesNotHave(t *testing.T) {
	t.Parallel()
	f := &fakeTicket{clock: newFakeClock()}
	for _, s := range []Submission{{Content: "y", IdempotencyKey: "[deploy 1]"}, {Content: "x y", IdempotencyKey: "x y"}} {
		submit(t, f.client(t), s, gotNotSent)
	}
	if f.posts+f.lists != 0 {
		t.Errorf("%d posts and %d lists", f.posts, f.lists)
	}
}

// A failed search fails everyone who waited during it.
func TestFailedSearchIsEveryonesWhoWaited(t *testing.T) {
	t.Parallel()
	const callers = 20
	f := &fakeTicket{clock: newFakeClock()}
	c := f.client(t)
	ticket := c.ledger.ticket(testCase)
	ticket.lister <- struct{}{} // nobody lists before all wait
	var all, waiting sync.WaitGroup
	waiting.Add(callers)
	f.onList = func(int, string) string { return "garbage" }
	for i := range callers {
		all.Go(func() {
			key := fmt.Sprintf("[deploy %02d]", i)
			ctx := &arrival{Context: t.Context(), arrived: waiting.Done}
			_, _, err := ticket.admit(ctx, c, "", true, time.Time{})
			if err == nil {
				t.Errorf("%s: no error", key)
			}
		})
	}
	waiting.Wait()
	ticket.lister.release()
	all.Wait()
	if f.lists != idempotentAttempts {
		t.Errorf("%d lists, want the %d of one caller", f.lists, idempotentAttempts)
	}
}

// An absurd number of messages is refused before memory is allocated for them.
func TestAbsurdNumberOfMessages(t *testing.T) {
	t.Parallel()
	body := `{"count":1,"message_list":[` + strings.Repeat("{},", maxOffset+pageSize) + `{}]}`
	var p page
	if err := json.Unmarshal([]byte(body), &p); !errors.Is(err, errTooManyMessages) {
		t.Errorf("%d messages, %v", len(p.Messages), err)
	}
}
