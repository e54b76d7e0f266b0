package servicerequest

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var (
	soakMessages = flag.Int("soak", 500, "messages that TestSoak submits")
	soakSeed     = flag.Uint64("soak.seed", 1, "seed of the faults of TestSoak")
)

// After submitFaults and listFaults the ticket can still be read.
var (
	submitFaults = []string{"lost-answer", "cut", "500-committed", "502-committed", "504-committed", "500", "502", "504", "503", "429",
		"failed-committed", "failed", "truncated-committed", "truncated", "html", "html-committed", "408", "408-committed", "499", "unbounded", "504-late"}
	listFaults = []string{"500", "502", "503", "504", "429", "cut", "failed", "truncated", "html", "late-list", "list-escapes"}
	slowFaults = []string{"slow-committed", "slow", "huge-committed"} // rare, as they take real time
)

// TestSoak submits many messages, half of them in groups of identical ones, and
// half of the others with keys, while 30% of all requests go wrong.
func TestSoak(t *testing.T) {
	t.Parallel()
	const faulty, parallel, perTicket, group = 0.3, 50, 100, 5
	n := *soakMessages
	t.Logf("seed %d", *soakSeed)

	var list []simulator.Fault
	add := func(op string, share float64, kinds []string) {
		// The first fault that strikes answers, so each further one gets the rest.
		left := 1.0
		for _, kind := range kinds {
			p := share / float64(len(kinds))
			f := simulator.Fault{Kind: kind, Operation: op, Rate: p / left}
			if kind == "429" || kind == "503" {
				f.RetryAfter = "1"
			}
			list = append(list, f)
			left -= p
		}
	}
	add(simulator.OpSubmit, 0.003, slowFaults)
	add(simulator.OpSubmit, faulty-0.003, submitFaults)
	add(simulator.OpList, faulty, listFaults)
	s := newService(t, simulator.Options{Seed: *soakSeed, Faults: list, NewestFirst: *soakSeed%2 == 0})
	for i := range (n + perTicket - 1) / perTicket {
		s.AddCase(simulator.Case{ID: fmt.Sprint("ticket-", i)})
	}
	s.clock.realTimeouts = true
	c := s.client(t, func(c *Config) { c.RequestTimeout, c.MaxRetries = 3*time.Second, 20 })

	// Neighbours are on the same ticket. Every second group has identical messages.
	submission := func(i int) Submission {
		s := Submission{CaseID: fmt.Sprint("ticket-", i/perTicket)}
		switch {
		case i/group%2 == 0:
			s.Content = fmt.Sprintf("Group %d: a < b, <b>c</b> & d", i/group)
		case i%2 == 0:
			s.IdempotencyKey = fmt.Sprintf("[message %d]", i)
			s.Content = s.IdempotencyKey + " a < b, <b>c</b> & d"
		default:
			s.Content = fmt.Sprintf("Message %d: a < b, <b>c</b> & d", i)
		}
		return s
	}
	var checks, retries, byCheck atomic.Int32
	results := make([]result, n)
	began := time.Now()
	each(n, parallel, func(i int) {
		submission := submission(i)
		submission.Notify = func(e Event) {
			switch e.Step {
			case StepChecking:
				checks.Add(1)
			case StepRetrying:
				retries.Add(1)
			}
		}
		r, err := c.Submit(t.Context(), submission)
		if results[i] = resultOf(t, r, err); err != nil && results[i] != gotUnconfirmed && results[i] != gotNotSearched {
			t.Errorf("message %d: %v", i, err)
		}
		if r.ConfirmedBy == ByCheck {
			byCheck.Add(1)
		}
	})
	took := time.Since(began)

	type text struct{ ticket, content string }
	low, high := map[text]int{}, map[text]int{}
	count := map[result]int{}
	for i, r := range results {
		count[r]++
		s := submission(i)
		at := text{s.CaseID, s.Content}
		low[at] += 0
		switch r {
		case gotReceipt, gotWarning:
			low[at]++
			high[at]++
		case gotUnconfirmed:
			high[at]++
		}
	}
	lost, duplicated, on := 0, 0, 0
	tickets := map[string]map[string]int{}
	for at := range low {
		if tickets[at.ticket] == nil {
			tickets[at.ticket] = s.onTicket(at.ticket)
		}
		got := tickets[at.ticket][at.content]
		lost += max(low[at]-got, 0)
		duplicated += max(got-high[at], 0)
		on += got
	}
	if lost != 0 || duplicated != 0 {
		t.Errorf("%d lost, %d duplicated", lost, duplicated)
	}
	// A rule that ends unconfirmed too often is useless.
	if doubts := count[gotUnconfirmed] + count[gotNotSearched]; doubts > n/25 {
		t.Errorf("%d of %d messages ended in doubt", doubts, n)
	}
	struck := 0
	for _, r := range s.Requests() {
		if r.Fault != "" {
			struck++
		}
	}
	posts, lists := s.Count(simulator.OpSubmit), s.Count(simulator.OpList)
	each := func(n int32) float64 { return float64(n) / float64(on) }
	t.Logf("%d messages in %v: %d lost, %d duplicated, %v", n, took.Round(time.Millisecond), lost, duplicated, count)
	t.Logf("%d submits and %d lists, %.1f%% of them struck; per message %.3f checks, %.3f retries, %.3f requests; %d confirmed by a check",
		posts, lists, 100*float64(struck)/float64(posts+lists), each(checks.Load()), each(retries.Load()), float64(posts+lists)/float64(on), byCheck.Load())
}
