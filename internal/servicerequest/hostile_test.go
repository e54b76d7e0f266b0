package servicerequest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

var (
	hostileWorlds = flag.Int("hostile", 80, "services that TestHostileService draws")
	hostileSeed   = flag.Uint64("hostile.seed", 1, "seed of the first of them")
)

// What a service may do wrong, by what that affects. Every service is a random
// combination of these.
var (
	hostileSubmits = []string{
		"lost-answer", "500-committed", "502-committed", "504-committed", "408-committed", "499-committed", "failed-committed", "unlisted-committed",
		"internal-200-committed", "truncated-committed", "html-committed", "unbounded-committed",
		"cut", "500", "502", "504", "503", "408", "425", "499", "failed", "truncated", "html", "unbounded", "101", "unlisted", "internal-200",
		"429?retry_after=5", "503?retry_after=20", "401", "403", "redirect",
	}
	// The message comes after the answer: within the time watched, or beyond it.
	hostileCommits = []string{"504-late?delay=20s", "503-late?delay=10s&retry_after=15", "cut-late?delay=4s", "cut-late?delay=20s", "504-late?delay=2m"}
	hostileTexts   = []string{
		"list-strips", "list-escapes", "list-truncates", "emoji-dropped", "emoji-question", "zero-width-dropped", "fullwidth-brackets", "masked",
		"prefixed", "signed", "markdown", "cut-255", "cut-400-bytes", "joined-lines", "trimmed",
	}
	// These replace a whole text, for ever or for some seconds.
	hostileReplacements = []string{"moderated", "blanked", "placeholder"}
	hostileItems        = []string{"wrong-type", "third-party", "extra-items", "attachment-added", "attachment-anonymous", "count-high", "count-zero", "offset-ignored"}
	hostileTimes        = []string{"unreadable-times", "zoneless-times", "time-offset?skew=-30s", "time-offset?skew=4s", "coarse-times", "mislabelled-times", "no-date", "clock-skew"}
	hostileReads        = []string{"500?op=list", "429?op=list", "html?op=list", "cut?op=list", "truncated?op=list", "list-denied"}
	// A listing may lack items: always, at times, or until they are some seconds old.
	hostileListings = []string{"late-list?delay=3s", "late-list%0.5?delay=5s", "late-list?delay=6s", "late-list?delay=1m", "missing-items%0.3", "repeated-items%0.3", "random-order", "empty-list%0.2"}
)

// hostileWorld is a random service, and the messages that are sent to it.
type hostileWorld struct {
	seed     uint64
	faults   []string
	messages int
	clients  int // one after the other
	keys     bool
	texts    string // identical, similar or distinct
	kills    bool   // a client may die at any request
	busy     bool   // other people write to the ticket
	seeded   int    // messages from before
	newest   bool
	show     bool // a text changer that no list has

	late     bool // a message may come or show after the time watched
	replaced bool // a text may be replaced as a whole
	short    bool // a listing may lack what is there, for some seconds
	blind    bool // a listing may lack what is there at any time, and nothing tells
}

func drawWorld(seed uint64) hostileWorld {
	random := rand.New(rand.NewPCG(seed, 42))
	maybe := func(p float64) bool { return random.Float64() < p }
	w := hostileWorld{
		seed: seed, messages: 5 + random.IntN(25), clients: 1 + random.IntN(3), keys: maybe(0.5), kills: maybe(0.5), busy: maybe(0.15),
		newest: maybe(0.5), show: maybe(0.1), texts: []string{"identical", "similar", "distinct", "distinct"}[random.IntN(4)],
		seeded: []int{0, 3, 120}[random.IntN(3)],
	}
	pick := func(p float64, kinds []string, rate bool) {
		for maybe(p) {
			fault := kinds[random.IntN(len(kinds))]
			name, settings, _ := strings.Cut(fault, "?")
			if rate && !strings.Contains(name, "%") {
				name = fmt.Sprintf("%s%%%.2f", name, 0.1+0.4*random.Float64())
			}
			if settings != "" {
				name += "?" + settings
			}
			w.faults = append(w.faults, name)
			p /= 2
		}
	}
	pick(1, hostileSubmits, true)
	pick(0.3, hostileCommits, true)
	pick(0.5, hostileTexts, false)
	pick(0.1, hostileReplacements, false)
	pick(0.3, hostileItems, false)
	pick(0.4, hostileTimes, false)
	pick(0.3, hostileReads, true)
	pick(0.4, hostileListings, false)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(w.faults, func(f string) bool {
			return slices.ContainsFunc(parts, func(part string) bool { return strings.HasPrefix(f, part) })
		})
	}
	w.replaced = has(hostileReplacements...) || w.show
	w.blind = has("missing-items", "empty-list")
	w.late = w.blind || w.isLate()
	w.short = w.blind || has("late-list", "missing-items", "random-order", "empty-list", "offset-ignored", "repeated-items", "placeholder") || has("cut-late", "504-late", "503-late")
	if has("repeated-items") && has("count-zero") {
		w.texts = "distinct" // a list that does not count and repeats an item shows one more of identical messages
	}
	if w.kills && !w.keys {
		w.kills = false // what a killed run has sent is anyone's guess without a key
	}
	return w
}

// isLate reports whether a message may come, or show, after the last check.
func (w hostileWorld) isLate() bool {
	watched := map[string]time.Duration{"cut-late": 6 * time.Second, "503-late": 15 * time.Second, "504-late": 30 * time.Second}
	var shows time.Duration // after it came
	for _, fault := range w.faults {
		f, err := simulator.ParseFault(fault)
		if err == nil && f.Kind == "late-list" {
			shows = max(shows, f.Delay)
		}
	}
	for _, fault := range w.faults {
		f, err := simulator.ParseFault(fault)
		if watch, late := watched[f.Kind]; err == nil && late && f.Delay+shows > watch {
			return true
		}
	}
	return shows > 6*time.Second
}

// submission is what every client sends as message i.
func (w hostileWorld) submission(client, i int) Submission {
	s := Submission{CaseID: testCase}
	const words = " <p>a < b &amp; \"c\"</p> <b>文字 &lt;</b> **bold** 🚀\u200b password hunter2\nbye"
	long := strings.Repeat(" and more", 60*(i%2))
	switch {
	case w.keys:
		s.IdempotencyKey = fmt.Sprintf("[message %d]", i)
		s.Content = s.IdempotencyKey + words + long
		if i%3 == 0 {
			s.Content = "Release <prod-eu>: " + s.Content
		}
		if w.texts == "similar" {
			s.Content = fmt.Sprintf("host is down [message %d]", i) + long
		}
	case w.texts == "identical" && !w.short && !w.replaced: // else it is someone else's within the time watched
		s.Content = "The deployment has begun" + words
	case w.texts == "identical":
		s.Content = fmt.Sprintf("The deployment of %d has begun", client)
	case w.texts == "similar":
		s.Content = []string{
			"host <alpha-%d> is down", "host alpha-%d is down", "host <b>alpha-%d</b> is down", "host  is down", "HOST <alpha-%d> is down",
		}[i%5]
		if strings.Contains(s.Content, "%d") {
			s.Content = fmt.Sprintf(s.Content, client)
		} else {
			s.Content += fmt.Sprint(" ", client)
		}
	default:
		s.Content = fmt.Sprintf("Message %d.%d", client, i) + words + long
	}
	return s
}

// mortal is a transport that dies at one request: before or after it is sent.
type mortal struct {
	transport http.RoundTripper
	lives     atomic.Int32
	after     bool
	dead      atomic.Bool
}

var errKilled = errors.New("killed")

func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.dead.Load() {
		return nil, errKilled
	}
	if m.lives.Add(-1) == 0 {
		m.dead.Store(true)
		if m.after {
			if resp, err := m.transport.RoundTrip(r); err == nil {
				_ = resp.Body.Close()
			}
		}
		connected(r)
		return nil, errKilled
	}
	return m.transport.RoundTrip(r)
}

// TestHostileService draws random services that behave as badly as a real one may. It
// compares what is promised with what each ticket has in the end. make soak draws
// thousands.
func TestHostileService(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	ends := map[string]map[result]int{}
	var requests, sent atomic.Int64
	each(*hostileWorlds, 4, func(n int) {
		w := drawWorld(*hostileSeed + uint64(n))
		count, reqs := w.run(t)
		requests.Add(int64(reqs))
		mu.Lock()
		defer mu.Unlock()
		for r, n := range count {
			kind := "without keys"
			if w.keys {
				kind = "with keys"
			}
			if ends[kind] == nil {
				ends[kind] = map[result]int{}
			}
			ends[kind][r] += n
			sent.Add(int64(n))
		}
	})
	t.Logf("%d services from seed %d, %d messages, %d requests", *hostileWorlds, *hostileSeed, sent.Load(), requests.Load())
	for kind, count := range ends {
		t.Logf("%s: %v", kind, count)
	}
}

// A rule that ends unconfirmed too often is useless.
func TestDoubtsAreRare(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("The same words at the beginning. ", 5)
	for name, tc := range map[string]struct {
		text     func(i int) string
		parallel int
		runs     bool          // each message is a run of its own
		human    time.Duration // someone writes so often
		most     int           // of 300 whose answers are all lost
	}{
		"in parallel":                    {func(i int) string { return fmt.Sprint("Message ", i) }, 100, false, 0, 0},
		"identical":                      {func(int) string { return "Message" }, 20, false, 0, 0},
		"look-alikes":                    {func(i int) string { return long + fmt.Sprint(i) }, 20, false, 0, 0},
		"a human every 5 minutes":        {func(i int) string { return fmt.Sprint("Message ", i) }, 1, true, 5 * time.Minute, 9},
		"a human every minute":           {func(i int) string { return fmt.Sprint("Message ", i) }, 1, true, time.Minute, 75},
		"one run, and a human sometimes": {func(i int) string { return fmt.Sprint("Message ", i) }, 10, false, 5 * time.Minute, 90},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, simulator.Options{Seed: 3, Faults: faults(t, "lost-answer%0.5", "cut%1?times=140")})
			began, written := s.clock.Now(), 0
			s.clock.onSleep = func(time.Duration) {
				s.clock.mu.Lock()
				due := 0
				if tc.human > 0 {
					due = int(s.clock.now.Sub(began)/tc.human) - written
					written += due
				}
				s.clock.mu.Unlock()
				for range due {
					s.AddMessage(testCase, simulator.Message{Content: "A human's question"})
				}
			}
			c := s.client(t)
			var doubts atomic.Int32
			each(300, tc.parallel, func(i int) {
				c := c
				if tc.runs {
					c = s.client(t)
					_ = s.clock.Sleep(t.Context(), 30*time.Second)
				}
				r, err := c.Submit(t.Context(), Submission{CaseID: testCase, Content: tc.text(i)})
				if resultOf(t, r, err) == gotUnconfirmed {
					doubts.Add(1)
				}
			})
			t.Logf("%d of 300 messages ended in doubt", doubts.Load())
			if n := int(doubts.Load()); n > tc.most {
				t.Errorf("%d of 300 messages ended in doubt, want at most %d", n, tc.most)
			}
		})
	}
}

func (w hostileWorld) run(t *testing.T) (map[result]int, int) {
	random := rand.New(rand.NewPCG(w.seed, 43))
	options := simulator.Options{Seed: w.seed, NewestFirst: w.newest, Faults: faults(t, w.faults...)}
	if w.show {
		options.Show = func(content string) string { return strings.ToUpper(content[:len(content)/2]) }
	}
	var s *service
	if w.busy {
		var n atomic.Int32
		options.Observe = func(r simulator.Request) {
			if i := n.Add(1); i%7 == 0 {
				s.AddMessage(testCase, simulator.Message{Content: fmt.Sprint("Someone else's ", i), Type: int(i) % 2})
			}
		}
	}
	s = newService(t, options)
	for i := range w.seeded {
		content := fmt.Sprint("Before ", i)
		if i%10 == 0 && !w.short { // else the baseline may lack it
			content = w.submission(0, 0).Content
		}
		if !w.keys || i%10 != 0 {
			s.AddMessage(testCase, simulator.Message{Content: content, Type: i % 2, CreateTime: s.clock.Now().Add(-time.Hour)})
		}
	}
	before := s.onTicket(testCase)
	count := map[result]int{}
	type tally struct{ receipts, warnings, doubts, none int }
	texts := map[string]*tally{}
	ended := make([]result, w.messages)

	for client := range w.clients {
		c := s.client(t, func(c *Config) { c.RequestTimeout, c.MaxRetries = 5*time.Second, 4 })
		killer := &mortal{transport: c.transport, after: random.IntN(2) == 0}
		if w.kills && client < w.clients-1 {
			killer.lives.Store(int32(1 + random.IntN(w.messages)))
			c.transport = killer
		}
		var mu sync.Mutex
		each(w.messages, 6, func(i int) {
			submission := w.submission(client, i)
			r, err := c.Submit(t.Context(), submission)
			if killer.dead.Load() {
				return // nobody hears it
			}
			got := resultOf(t, r, err)
			mu.Lock()
			defer mu.Unlock()
			count[got]++
			ended[i] = got
			at := texts[submission.Content]
			if at == nil {
				at = &tally{}
				texts[submission.Content] = at
			}
			switch got {
			case gotReceipt:
				if !w.keys || r.ConfirmedBy != ByExisting {
					at.receipts++
				}
			case gotWarning:
				at.warnings++
			case gotUnconfirmed:
				at.doubts++
			default:
				var not *NotSubmittedError
				if errors.As(err, &not) && not.Checked {
					at.doubts++ // it may still come
				} else {
					at.none++
				}
			}
		})
		c.transport = killer.transport
		// A message that the list does not show yet is the exception, so wait for it.
		s.CommitPending()
		s.clock.advance(2 * time.Minute)
	}

	on := s.onTicket(testCase)
	fail := func(format string, args ...any) {
		t.Errorf("seed %d: %s\n%+v", w.seed, fmt.Sprintf(format, args...), w)
	}
	for text, at := range texts {
		n := on[text] - before[text]
		switch {
		case n < min(at.receipts+at.warnings, 1), !w.keys && n < at.receipts+at.warnings:
			fail("%d on the ticket of %.40q, %+v: a message is lost", n, text, *at)
		case at.warnings+at.doubts == 0 && !w.keys && n > at.receipts:
			fail("%d on the ticket of %.40q, %+v: a duplicate that nobody was told of", n, text, *at)
		case w.keys && !w.late && !w.replaced && n > 1:
			fail("%d on the ticket of %.40q, %+v: a duplicate in spite of the key", n, text, *at)
		case w.keys && !w.blind && !w.replaced && !w.kills && at.warnings+at.doubts == 0 && n > 1:
			fail("%d on the ticket of %.40q, %+v: a duplicate that nobody was told of, in spite of the key", n, text, *at)
		}
	}
	if w.keys {
		for i, got := range ended {
			if n := on[w.submission(0, i).Content]; (got == gotReceipt || got == gotWarning) && n == 0 {
				fail("message %d ended with a %s, and is not there", i, got)
			}
		}
	}
	return count, len(s.Requests())
}
