package servicerequest

import (
	"flag"
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

var matrixMessages = flag.Int("matrix", 40, "messages of each row of TestMatrix, at most 100")

// expectation is how messages end when a fault strikes.
type expectation struct {
	// ends lists how messages may end without a key, and withKeys how they may end with
	// one. If withKeys is empty, ends holds for both.
	ends, withKeys []result
	// faults are those of the test. If empty, it is the kind itself, on 30% of the
	// requests that it strikes by default.
	faults []string
	// known: no outcome is unknown, so the ticket is listed once.
	known bool
	// long: the texts are longer than a list may show.
	long bool
	// late: a message may show or arrive after the last check, so there may be two
	// copies after a warning.
	late bool
}

// The ways in which a message may end. If the ticket can be read, every message
// arrives, except those that the service refuses.
var (
	receipts = []result{gotReceipt}
	resent   = []result{gotReceipt, gotWarning}
	refusals = []result{gotReceipt, gotRejected}
	// Without a key some messages end unconfirmed:
	//   - reading is denied, so there is nothing to compare with;
	//   - the list shows the text in another form (stripped, cut, changed): a new
	//     message may be ours or someone else's;
	//   - the list shows messages that this run has not sent.
	doubts       = []result{gotReceipt, gotUnconfirmed}
	resentDoubts = []result{gotReceipt, gotWarning, gotUnconfirmed}
	// With a key nothing is sent where the ticket cannot be searched.
	unsearched = []result{gotNotSearched}
	// A list of more than one page that is not whole cannot be searched either.
	searchDoubts = []result{gotReceipt, gotWarning, gotUnconfirmed, gotNotSearched}
	lost         = []string{"lost-answer%0.2", "cut%0.2"}
)

func with(fault ...string) []string { return append(fault, lost...) }

var matrix = map[string]expectation{
	// The answer is lost or says nothing, and the message is on the ticket.
	"lost-answer":            {ends: receipts},
	"500-committed":          {ends: receipts},
	"502-committed":          {ends: receipts},
	"504-committed":          {ends: receipts},
	"408-committed":          {ends: receipts},
	"499-committed":          {ends: receipts},
	"failed-committed":       {ends: receipts},
	"unlisted-committed":     {ends: receipts},
	"internal-200-committed": {ends: receipts},
	"slow-committed":         {ends: receipts},
	"truncated-committed":    {ends: receipts},
	"html-committed":         {ends: receipts},
	"unbounded-committed":    {ends: receipts},
	"huge-committed":         {ends: receipts, faults: []string{"huge-committed%0.05"}},

	// The same, and the message is not on the ticket.
	"cut":       {ends: resent},
	"500":       {ends: resent},
	"502":       {ends: resent},
	"504":       {ends: resent},
	"503":       {ends: resent},
	"408":       {ends: resent},
	"425":       {ends: resent},
	"499":       {ends: resent},
	"failed":    {ends: resent},
	"slow":      {ends: resent},
	"truncated": {ends: resent},
	"html":      {ends: resent},
	"unbounded": {ends: resent},
	"101":       {ends: resent},

	// The message arrives later: within the time watched, or after it.
	"504-late": {ends: resent, faults: []string{"504-late%0.3?delay=25s"}},
	"503-late": {ends: resent, faults: []string{"503-late%0.3?delay=10s&retry_after=15"}},
	"cut-late": {ends: resent, faults: []string{"cut-late%0.3?delay=10s"}, late: true},

	// Refusals: the last two come with HTTP 200, and are checked first.
	"redirect":     {ends: refusals, known: true},
	"401":          {ends: refusals, known: true},
	"403":          {ends: refusals, known: true},
	"429":          {ends: receipts, known: true},
	"unlisted":     {ends: []result{gotReceipt, gotNotSent}},
	"internal-200": {ends: []result{gotReceipt, gotNotSent}},

	// How the ticket is listed matters only for submits with an unknown outcome.
	"late-list":            {ends: resent, faults: with("late-list")},
	"list-denied":          {ends: doubts, withKeys: unsearched, faults: with("list-denied")},
	"empty-list":           {ends: resent, faults: with("empty-list"), late: true},
	"missing-items":        {ends: resentDoubts, faults: with("missing-items%0.3"), late: true},
	"repeated-items":       {ends: resentDoubts, faults: with("repeated-items%0.3"), withKeys: searchDoubts},
	"extra-items":          {ends: resentDoubts, faults: with("extra-items"), withKeys: searchDoubts},
	"count-high":           {ends: resent, faults: with("count-high")},
	"count-low":            {ends: resent, faults: with("count-low")},
	"count-zero":           {ends: resent, faults: with("count-zero")},
	"offset-ignored":       {ends: resentDoubts, withKeys: searchDoubts, faults: with("offset-ignored"), late: true},
	"random-order":         {ends: resentDoubts, withKeys: searchDoubts, faults: with("random-order"), late: true},
	"attachment-added":     {ends: resent, faults: with("attachment-added")},
	"attachment-anonymous": {ends: resent, faults: with("attachment-anonymous")},
	"latency":              {ends: resent, faults: with("latency?delay=1ms")},

	// Times never matter.
	"unreadable-times":  {ends: resent, faults: with("unreadable-times")},
	"zoneless-times":    {ends: resent, faults: with("zoneless-times")},
	"time-offset":       {ends: resent, faults: with("time-offset?skew=-30s")},
	"coarse-times":      {ends: resent, faults: with("coarse-times")},
	"mislabelled-times": {ends: resent, faults: with("mislabelled-times")},
	"no-date":           {ends: resent, faults: with("no-date")},
	"clock-skew":        {ends: resent, faults: with("clock-skew")},

	// With a key, neither the author nor the form of the text matters.
	"wrong-type":         {ends: resentDoubts, withKeys: resent, faults: with("wrong-type")},
	"third-party":        {ends: resent, faults: with("third-party")},
	"placeholder":        {ends: resentDoubts, withKeys: searchDoubts, faults: with("placeholder")},
	"list-escapes":       {ends: resent, faults: with("list-escapes")},
	"trimmed":            {ends: resent, faults: with("trimmed")},
	"list-strips":        {ends: resentDoubts, withKeys: resent, faults: with("list-strips")},
	"list-truncates":     {ends: resentDoubts, withKeys: resent, faults: with("list-truncates"), long: true},
	"cut-255":            {ends: resentDoubts, withKeys: resent, faults: with("cut-255"), long: true},
	"cut-400-bytes":      {ends: resentDoubts, withKeys: resent, faults: with("cut-400-bytes"), long: true},
	"emoji-dropped":      {ends: resentDoubts, withKeys: resent, faults: with("emoji-dropped")},
	"emoji-question":     {ends: resentDoubts, withKeys: resent, faults: with("emoji-question")},
	"zero-width-dropped": {ends: resentDoubts, withKeys: resent, faults: with("zero-width-dropped")},
	"fullwidth-brackets": {ends: resentDoubts, withKeys: resent, faults: with("fullwidth-brackets")},
	"masked":             {ends: resentDoubts, withKeys: resent, faults: with("masked")},
	"prefixed":           {ends: resentDoubts, withKeys: resent, faults: with("prefixed")},
	"signed":             {ends: resentDoubts, withKeys: resent, faults: with("signed")},
	"markdown":           {ends: resentDoubts, withKeys: resent, faults: with("markdown")},
	"joined-lines":       {ends: resentDoubts, withKeys: resent, faults: with("joined-lines")},
	// A text that is replaced as a whole is an exception to what a key promises.
	"moderated": {ends: resentDoubts, withKeys: searchDoubts, faults: with("moderated"), late: true},
	"blanked":   {ends: resentDoubts, withKeys: searchDoubts, faults: with("blanked"), late: true},
}

// combinations are of several faults at once.
var combinations = map[string]expectation{
	"clock behind":           {ends: resent, faults: with("clock-skew?skew=-10m")},
	"as late as can be":      {ends: resent, faults: with("late-list?delay=6s")},
	"late at times":          {ends: resent, faults: with("late-list%0.5")},
	"list fails at times":    {ends: resent, faults: with("500%0.3?op=list")},
	"list is cut at times":   {ends: resent, faults: with("cut%0.3?op=list")},
	"list is anyone's":       {ends: resent, faults: with("html%0.3?op=list")},
	"list is denied, late":   {ends: resentDoubts, withKeys: searchDoubts, faults: with("list-denied%0.3", "late-list")},
	"list breaks off":        {ends: resent, faults: with("truncated%0.3?op=list")},
	"escapes, late, no zone": {ends: resent, faults: with("list-escapes", "zoneless-times", "late-list")},
	"throttled and lost":     {ends: resent, faults: []string{"429%0.3?retry_after=3", "lost-answer%0.3", "503%0.3?retry_after=2"}},
	"times at times":         {ends: resent, faults: with("unreadable-times%0.5")},
	"nothing but unknown":    {ends: resent, faults: []string{"lost-answer%0.5", "cut%0.7"}},
	"slow, and the list so":  {ends: resent, faults: []string{"slow%0.1", "slow-committed%0.1", "slow%0.05?op=list"}},
	"every time is wrong":    {ends: resent, faults: with("time-offset?skew=4s", "coarse-times", "mislabelled-times", "no-date")},
}

// form is how the messages of a test relate to each other.
type form string

const (
	distinct  form = "distinct"
	identical form = "identical"
	withKeys  form = "with keys"
)

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
	for messages, tests := range map[int]map[string]expectation{*matrixMessages: matrix, *matrixMessages / 2: combinations} {
		for name, want := range tests {
			if len(want.faults) == 0 {
				want.faults = []string{name + "%0.3"}
			}
			for _, form := range []form{distinct, identical, withKeys} {
				t.Run(fmt.Sprintf("%s/%s", name, form), func(t *testing.T) {
					t.Parallel()
					testMatrix(t, want, messages, form)
				})
			}
		}
	}
}

func testMatrix(t *testing.T, want expectation, messages int, form form) {
	const parallel = 12
	submission := func(i int) Submission {
		s := Submission{CaseID: testCase, Content: testText(i, form == identical)}
		if form == withKeys {
			s.IdempotencyKey = fmt.Sprintf("[message %04d]", i)
			s.Content = s.IdempotencyKey + " " + s.Content
		}
		if want.long {
			s.Content += strings.Repeat(" more", 100)
		}
		return s
	}
	ends := want.ends
	if form == withKeys && len(want.withKeys) > 0 {
		ends = want.withKeys
	}
	elsewhere := newService(t, simulator.Options{})
	options := simulator.Options{Seed: 7, NewestFirst: form == identical, Faults: faults(t, want.faults...)}
	timeout, realTimeouts := 10*time.Second, false
	for i, f := range options.Faults {
		if f.Kind == "redirect" {
			options.Faults[i].Location = elsewhere.URL() + "/v2/servicerequest/cases/" + testCase + "/message"
		}
		if strings.HasPrefix(f.Kind, "slow") {
			timeout, realTimeouts = 150*time.Millisecond, true
		}
	}
	s := newService(t, options)
	s.clock.realTimeouts = realTimeouts
	// Older texts like ours, so that there are two pages in the end.
	for i := range 110 - messages {
		s.AddMessage(testCase, simulator.Message{Content: testText(i, form == identical), CreateTime: s.clock.Now().Add(-67 * time.Minute)})
	}
	before := s.onTicket(testCase)
	c := s.client(t, func(c *Config) { c.RequestTimeout, c.MaxRetries = timeout, 20 })

	results := make([]result, messages)
	var posts atomic.Int32
	each(messages, parallel, func(i int) {
		submission := submission(i)
		var last Step
		unknown := false
		submission.Notify = func(e Event) {
			switch {
			case e.Step == StepSubmitting:
				posts.Add(1)
				if unknown && last != StepChecking {
					t.Error("a POST without a check right before it")
				}
			case e.Step == StepChecking && e.Attempt > 0:
				unknown = true
			}
			last = e.Step
		}
		r, err := c.Submit(t.Context(), submission)
		results[i] = resultOf(t, r, err)
		if !slices.Contains(ends, results[i]) {
			t.Errorf("message %d: %s: %v", i, results[i], err)
		}
	})
	s.CommitPending()

	// After a receipt there is one message; after a warning there may be more, if one may
	// come late; after an unconfirmed end there is one or none; otherwise there is none.
	low, high := before, maps.Clone(before)
	for i, r := range results {
		text := submission(i).Content
		switch r {
		case gotReceipt:
			low[text]++
			high[text]++
		case gotWarning:
			low[text]++
			high[text]++
			if want.late {
				high[text] += 20
			}
		case gotUnconfirmed:
			high[text]++
			if want.late {
				high[text] += 20
			}
		}
	}
	on := s.onTicket(testCase)
	for m := range high {
		if on[m] < low[m] || on[m] > high[m] {
			t.Errorf("%d times %.20q, want %d to %d", on[m], m, low[m], high[m])
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
	if n := s.Count(simulator.OpList); want.known && form != withKeys && n != 1 {
		t.Errorf("%d lists, and no outcome was unknown", n)
	}
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("%d requests followed a redirect", n)
	}
	if n := s.Count(simulator.OpUnknown); n != 0 {
		t.Errorf("%d unknown requests", n)
	}
	count := map[result]int{}
	for _, r := range results {
		count[r]++
	}
	t.Logf("%v, %d submits, %d lists", count, s.Count(simulator.OpSubmit), s.Count(simulator.OpList))
}

// testText has markup, characters that HTML escapes, and what services are known to
// change. It is short, so that tests are fast.
func testText(i int, identical bool) string {
	if identical {
		i = 0
	}
	return fmt.Sprintf("<p>Message %d: a < b &amp; \"c\"</p>, <b>文字 &lt;</b> **bold** 🚀\u200b password hunter2\nbye", i)
}

// each calls do with 0 to n-1, a limited number at a time.
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
