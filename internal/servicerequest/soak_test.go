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

// submitFaults and listFaults all leave a ticket that can be read, in the end.
var (
	submitFaults = []string{"lost-answer", "cut", "500-committed", "502-committed", "504-committed", "500", "502", "504", "503", "429",
		"failed-committed", "failed", "truncated-committed", "truncated", "html", "html-committed"}
	listFaults = []string{"500", "502", "503", "504", "429", "cut", "failed", "truncated", "html", "late-list", "list-strips", "list-escapes"}
	slowFaults = []string{"slow-committed", "slow", "huge-committed"} // rare, as they take real time
)

// TestSoak submits many messages, half of them in groups of identical ones,
// while 30% of all requests go wrong.
func TestSoak(t *testing.T) {
	t.Parallel()
	const faulty, parallel, perTicket, group = 0.3, 50, 100, 5
	n := *soakMessages
	t.Logf("seed %d", *soakSeed)

	var faults []simulator.Fault
	add := func(op string, share float64, kinds []string) {
		// The first that strikes answers: each next one has what is left.
		left := 1.0
		for _, kind := range kinds {
			p := share / float64(len(kinds))
			f := simulator.Fault{Kind: kind, Operation: op, Rate: p / left}
			if kind == "429" || kind == "503" {
				f.RetryAfter = "1"
			}
			faults = append(faults, f)
			left -= p
		}
	}
	add(simulator.OpSubmit, 0.003, slowFaults)
	add(simulator.OpSubmit, faulty-0.003, submitFaults)
	add(simulator.OpList, faulty, listFaults)
	s := newService(t, simulator.Options{Seed: *soakSeed, Faults: faults, NewestFirst: *soakSeed%2 == 0})
	for i := range (n + perTicket - 1) / perTicket {
		s.AddCase(simulator.Case{ID: fmt.Sprint("ticket-", i)})
	}
	c := s.client(t, func(c *Config) { c.RequestTimeout, c.MaxRetries = 3*time.Second, 20 })

	// Neighbours are on the same ticket; every other group is of identical ones.
	ticket := func(i int) string { return fmt.Sprint("ticket-", i/perTicket) }
	content := func(i int) string {
		if i/group%2 == 0 {
			return fmt.Sprintf("Group %d: a < b, <b>c</b> & d", i/group)
		}
		return fmt.Sprintf("Message %d: a < b, <b>c</b> & d", i)
	}
	var looks, retries, readback atomic.Int32
	began := time.Now()
	each(n, parallel, func(i int) {
		r, err := c.Submit(t.Context(), Submission{CaseID: ticket(i), Content: content(i), Notify: func(e Event) {
			switch e.Step {
			case StepLooking:
				looks.Add(1)
			case StepRetrying:
				retries.Add(1)
			}
		}})
		if err != nil {
			t.Errorf("message %d: %v", i, err)
		}
		if r.ConfirmedBy == ByReadback {
			readback.Add(1)
		}
	})
	took := time.Since(began)

	want := map[string]map[string]int{}
	for i := range n {
		if want[ticket(i)] == nil {
			want[ticket(i)] = map[string]int{}
		}
		want[ticket(i)][content(i)]++
	}
	lost, doubled, on := 0, 0, 0
	for id, texts := range want {
		got := s.onTicket(id)
		for text, n := range texts {
			lost += max(n-got[text], 0)
			doubled += max(got[text]-n, 0)
			on += got[text]
		}
	}
	if lost != 0 || doubled != 0 {
		t.Errorf("%d lost, %d duplicated", lost, doubled)
	}
	struck := 0
	for _, r := range s.Requests() {
		if r.Fault != "" {
			struck++
		}
	}
	posts, lists := s.Count(simulator.OpSubmit), s.Count(simulator.OpList)
	each := func(n int32) float64 { return float64(n) / float64(on) }
	t.Logf("%d messages in %v: %d lost, %d duplicated", on, took.Round(time.Millisecond), lost, doubled)
	t.Logf("%d submits and %d lists, %.1f%% of them struck; per message %.3f looks, %.3f retries, %.3f requests; %d confirmed by a look",
		posts, lists, 100*float64(struck)/float64(posts+lists), each(looks.Load()), each(retries.Load()), float64(posts+lists)/float64(on), readback.Load())
}
