package servicerequest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// expectation is what becomes of messages where a fault strikes.
type expectation struct {
	// every lists how messages may end; told alone where it is empty.
	every []outcome
	// faults are those of the test; where empty it is the kind itself, on 30%
	// of the requests that it strikes by default.
	faults []string
	// free: no list is asked for, since nothing is left unknown.
	free bool
	// long: the texts are longer than a list may show.
	long bool
}

// On a ticket that can be read every message gets there, but for those that the
// service refuses.
var matrix = map[string]expectation{
	"lost-answer":         {},
	"cut":                 {},
	"500-committed":       {},
	"502-committed":       {},
	"504-committed":       {},
	"500":                 {},
	"502":                 {},
	"504":                 {},
	"503":                 {},
	"429":                 {free: true},
	"failed-committed":    {},
	"failed":              {},
	"slow-committed":      {},
	"slow":                {},
	"truncated-committed": {},
	"truncated":           {},
	"html":                {},
	"html-committed":      {},
	"huge-committed":      {faults: []string{"huge-committed%0.05"}},
	"redirect":            {every: []outcome{told, toldRejected}, free: true},
	"401":                 {every: []outcome{told, toldRejected}, free: true},
	"403":                 {every: []outcome{told, toldRejected}, free: true},

	// The ticket's state is told by the submits that leave it unknown.
	"late-list":        {faults: []string{"late-list", "lost-answer%0.2", "cut%0.2"}},
	"list-denied":      {faults: []string{"list-denied", "lost-answer%0.2", "cut%0.2"}, every: []outcome{told, toldUncertain}},
	"list-strips":      {faults: []string{"list-strips", "lost-answer%0.2", "cut%0.2"}},
	"list-escapes":     {faults: []string{"list-escapes", "lost-answer%0.2", "cut%0.2"}},
	"list-truncates":   {faults: []string{"list-truncates", "lost-answer%0.2", "cut%0.2"}, long: true, every: []outcome{told, toldUncertain}},
	"unreadable-times": {faults: []string{"unreadable-times", "lost-answer%0.2", "cut%0.2"}, every: []outcome{told, toldUncertain}},
	"zoneless-times":   {faults: []string{"zoneless-times", "lost-answer%0.2", "cut%0.2"}},
	"no-date":          {faults: []string{"no-date", "lost-answer%0.2", "cut%0.2"}, every: []outcome{told, toldUncertain}},
	"clock-skew":       {faults: []string{"clock-skew", "lost-answer%0.2", "cut%0.2"}},
	"latency":          {faults: []string{"latency?delay=1ms", "lost-answer%0.2", "cut%0.2"}},
}

// combinations are of several faults at once.
var combinations = map[string]expectation{
	"clock behind":          {faults: []string{"clock-skew?skew=-10m", "lost-answer%0.2", "cut%0.2"}},
	"as late as can be":     {faults: []string{"late-list?delay=6s", "lost-answer%0.2", "cut%0.2"}},
	"late at times":         {faults: []string{"late-list%0.5", "lost-answer%0.2", "cut%0.2"}},
	"list fails at times":   {faults: []string{"500%0.3?op=list", "lost-answer%0.2", "cut%0.2"}},
	"list is cut at times":  {faults: []string{"cut%0.3?op=list", "lost-answer%0.2", "cut%0.2"}},
	"list is anyone's":      {faults: []string{"html%0.3?op=list", "lost-answer%0.2", "cut%0.2"}},
	"list is denied, late":  {faults: []string{"list-denied%0.3", "late-list", "lost-answer%0.2", "cut%0.2"}, every: []outcome{told, toldUncertain}},
	"list breaks off":       {faults: []string{"truncated%0.3?op=list", "lost-answer%0.2", "cut%0.2"}},
	"strips and escapes":    {faults: []string{"list-strips", "list-escapes", "zoneless-times", "late-list", "lost-answer%0.2", "cut%0.2"}},
	"throttled and lost":    {faults: []string{"429%0.3?retry_after=3", "lost-answer%0.3", "503%0.3?retry_after=2"}},
	"times at times":        {faults: []string{"unreadable-times%0.5", "lost-answer%0.2", "cut%0.2"}, every: []outcome{told, toldUncertain}},
	"nothing but unknown":   {faults: []string{"lost-answer%0.5", "cut%0.7"}},
	"slow, and the list so": {faults: []string{"slow%0.1", "slow-committed%0.1", "slow%0.05?op=list"}},
}

func TestMatrixKnowsEveryFault(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, k := range simulator.FaultKinds() {
		kinds = append(kinds, k.Name)
	}
	known := slices.Sorted(maps.Keys(matrix))
	slices.Sort(kinds)
	if !slices.Equal(kinds, known) {
		t.Errorf("the simulator has the faults\n%v, and the matrix\n%v", kinds, known)
	}
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	for messages, tests := range map[int]map[string]expectation{100: matrix, 50: combinations} {
		for name, want := range tests {
			if len(want.faults) == 0 {
				want.faults = []string{name + "%0.3"}
			}
			if len(want.every) == 0 {
				want.every = []outcome{told}
			}
			for _, identical := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/identical=%v", name, identical), func(t *testing.T) {
					t.Parallel()
					testMatrix(t, want, messages, identical)
				})
			}
		}
	}
}

func testMatrix(t *testing.T, want expectation, messages int, identical bool) {
	const parallel = 12
	text := func(i int) string {
		text := matrixText(i, identical)
		if want.long {
			text += strings.Repeat(" more", 100)
		}
		return text
	}
	elsewhere := newService(t, simulator.Options{})
	options := simulator.Options{Seed: 7, NewestFirst: identical}
	timeout := 10 * time.Second
	for _, fault := range want.faults {
		f, err := simulator.ParseFault(fault)
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind == "redirect" {
			f.Location = elsewhere.URL() + "/v2/servicerequest/cases/" + testCase + "/message"
		}
		if strings.HasPrefix(f.Kind, "slow") {
			timeout = 150 * time.Millisecond
		}
		options.Faults = append(options.Faults, f)
	}
	s := newService(t, options)
	// Texts like ours that are older, so that in the end there are two pages.
	for i := range 10 {
		s.AddMessage(testCase, simulator.Message{Content: text(i), CreateTime: s.clock.Now().Add(-67 * time.Minute)})
	}
	before := s.onTicket(testCase)
	c := s.client(t, func(c *Config) { c.RequestTimeout, c.MaxRetries = timeout, 20 })

	outcomes := make([]outcome, messages)
	var posts atomic.Int32
	each(messages, parallel, func(i int) {
		looked, posted := false, false
		_, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: text(i), Notify: func(e Event) {
			switch e.Step {
			case StepSubmitting:
				posts.Add(1)
				posted, looked = true, false
			case StepLooking:
				looked = true
			case StepRetrying:
				// "No connection" and 429 alone go back to a POST without a look.
				if posted && !looked && e.Reason != "throttled" && e.Reason != "no connection" {
					t.Errorf("a retry after %q without a look", e.Reason)
				}
			}
		}})
		outcomes[i] = outcomeOf(t, err)
		if !slices.Contains(want.every, outcomes[i]) {
			t.Errorf("message %d: %s: %v", i, outcomes[i], err)
		}
	})

	// Receipt <=> one copy; refused or not submitted <=> none; unconfirmed: one or none.
	low, high := before, maps.Clone(before)
	for i, o := range outcomes {
		switch o {
		case told:
			low[text(i)]++
			high[text(i)]++
		case toldUncertain:
			high[text(i)]++
		}
	}
	on := s.onTicket(testCase)
	for m := range high {
		if on[m] < low[m] || on[m] > high[m] {
			t.Errorf("%d copies of %.20q, want %d to %d", on[m], m, low[m], high[m])
		}
	}
	for m := range on {
		if high[m] == 0 {
			t.Errorf("%.20q is on the ticket, and nobody sent it", m)
		}
	}
	if n := s.Count(simulator.OpSubmit); n != int(posts.Load()) {
		t.Errorf("%d submits came, %d were told of", n, posts.Load())
	}
	if n := s.Count(simulator.OpList); want.free && n != 0 {
		t.Errorf("%d lists, and nothing was unknown", n)
	}
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("%d requests followed a redirect", n)
	}
	if n := s.Count(simulator.OpUnknown); n != 0 {
		t.Errorf("%d unknown requests", n)
	}
	count := map[outcome]int{}
	for _, o := range outcomes {
		count[o]++
	}
	t.Logf("%v, %d submits, %d lists", count, s.Count(simulator.OpSubmit), s.Count(simulator.OpList))
}

// matrixText has markup and what HTML escapes. It is short, to be fast; what is
// cut short has tests of its own.
func matrixText(i int, identical bool) string {
	if identical {
		i = 0
	}
	return fmt.Sprintf("<p>Message %d: a < b &amp; \"c\"</p>, <b>文字 &lt;</b>", i)
}

// each calls do with 0 to n-1, some at a time.
func each(n, parallel int, do func(int)) {
	var next atomic.Int32
	var wait sync.WaitGroup
	for range parallel {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wait.Wait()
}

// On the happy path a message costs one request, whatever else goes on.
func TestHappyPathIsOneRequest(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{})
	c := s.client(t)
	each(100, 20, func(i int) {
		if _, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: matrixText(i, i%2 == 0)}); err != nil {
			t.Error(err)
		}
	})
	s.want(t, 100, 100, 0)
}
