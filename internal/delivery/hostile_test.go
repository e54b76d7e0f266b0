package delivery

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var (
	hostileWorlds = flag.Int("hostile", 2000, "services that TestHostileService draws")
	hostileSeed   = flag.Uint64("hostile.seed", 1, "seed of the first of them")
)

// hostileFates are what may come of a POST, each on a share of them.
var hostileFates = []fate{
	lostAnswer(true), lostAnswer(false), timedOut(true), timedOut(false), refusedUnknown(true), refusedUnknown(false),
	throttled, throttled.retryAfter(5 * time.Second), notSent, rejected,
}

// searchedFates are those after which a message with a key is searched again. So it makes other
// lists than one without.
var searchedFates = append(slices.Clone(hostileFates), throttled.retryAfter(20*time.Second), expired, unmade)

// lateFates store the message after the answer: within the time watched, or after it.
var lateFates = []struct {
	fate
	beyond bool
}{
	{timedOut(true).later(20 * time.Second), false}, {lostAnswer(true).later(4 * time.Second), false},
	{lostAnswer(true).later(20 * time.Second), true}, {timedOut(true).later(2 * time.Minute), true},
}

func timedOut(stored bool) fate {
	got := lostAnswer(stored)
	got.attempt.TimedOut = true
	return got
}

func refusedUnknown(stored bool) fate {
	got := lostAnswer(stored)
	got.attempt.Outcome = servicerequest.UnknownRefused
	return got
}

var (
	wide    = regexp.MustCompile(`[\x{10000}-\x{10FFFF}]`)
	secret  = regexp.MustCompile(`(password )\S+`)
	numbers = regexp.MustCompile(`\d{2,}`)
	bold    = regexp.MustCompile(`\*\*(.+?)\*\*`)
	pairs   = func(oldNew ...string) func(string) string { return strings.NewReplacer(oldNew...).Replace }
)

// hostileShows are how lists may change a text.
var hostileShows = []func(string) string{
	html.EscapeString,
	func(s string) string { return html.EscapeString(html.EscapeString(s)) },
	stripTags,
	func(s string) string { return firstRunes(s, 255) },
	func(s string) string { return firstRunes(s, 280) },
	func(s string) string { return strings.ToValidUTF8(s[:min(len(s), 300)], "\uFFFD") },
	func(s string) string { return wide.ReplaceAllString(s, "") },
	func(s string) string { return wide.ReplaceAllString(s, "?") },
	pairs("\u200b", ""),
	pairs("<", "＜", ">", "＞", "[", "［", "]", "］"),
	pairs("[", "【", "]", "】"),
	func(s string) string { return secret.ReplaceAllString(s, "${1}***") },
	func(s string) string { return "[customer] " + s },
	func(s string) string { return s + "\nSent from the service console" },
	func(s string) string {
		return strings.ReplaceAll(bold.ReplaceAllString(s, "<strong>$1</strong>"), "\n", "<br/>")
	},
	func(s string) string {
		return "<p>" + strings.ReplaceAll(html.EscapeString(s), "\n", "</p>\n<p>") + "</p>"
	},
	pairs("\n", ""),
	strings.TrimSpace,
	strings.ToUpper,
	pairs(" ", "+"),
	pairs("[", "", "]", ""),
	pairs("[", `\[`, "]", `\]`),
	func(s string) string { return "> " + s },
	func(s string) string { return numbers.ReplaceAllString(s, "****") },
	func(s string) string { return strings.ToUpper(s[:min(6, len(s))]) + s[min(6, len(s)):] },
	func(s string) string { return "[API] " + s },
	func(s string) string { return "<p><b>Customer:</b> " + s + "</p>" },
}

// losesKey reports whether changes of a text, one after the other, lose what a key is known by: its brackets are dropped
// and something else changes, too, or its mask becomes markup.
func losesKey(changes []func(string) string) bool {
	text := "[a 12] b 12"
	for _, change := range changes {
		text = change(text)
	}
	return len(changes) > 1 && (!strings.ContainsAny(text, "[［【") || strings.Contains(text, "<strong>"))
}

// hostileReplacements replace a text as a whole, for ever or for some seconds.
var hostileReplacements = []func(string, time.Duration) string{
	func(string, time.Duration) string { return "This message was hidden by a moderator." },
	func(string, time.Duration) string { return "" },
	func(s string, age time.Duration) string {
		if age < 5*time.Second {
			return "…"
		}
		return s
	},
	func(s string, _ time.Duration) string { return s[:len(s)/8] },
}

// hostileWorld is a random service, and what is sent to it.
type hostileWorld struct {
	seed              uint64
	messages, runs    int
	keys, busy, kills bool
	texts             string // identical, similar or distinct
	seeded            int    // messages from before
	fates             []fate
	rates             []float64

	lag               time.Duration
	shows             []func(string) string // of hostileShows
	replacement       int                   // index of hostileReplacements; -1: none
	engineer          bool
	failing, denied   float64 // shares of the lists
	missing, empty    float64 // shares that lack the newest message, or all
	repeated, partial float64 // shares that have a message twice, or say that they are not whole
	miscount          int     // how many messages the service counts too few

	late  bool // a message may come or show after the last check
	short bool // a list may lack what is there
	blind bool // and nothing tells, at any time
}

func drawWorld(seed uint64) hostileWorld {
	random := rand.New(rand.NewPCG(seed, 42))
	maybe := func(p float64) bool { return random.Float64() < p }
	share := func(p float64) float64 {
		if maybe(p) {
			return 0.1 + 0.4*random.Float64()
		}
		return 0
	}
	w := hostileWorld{
		seed: seed, messages: 2 + random.IntN(10), runs: 1 + random.IntN(3), keys: maybe(0.6), busy: maybe(0.15), kills: maybe(0.5),
		texts: []string{"identical", "similar", "distinct", "distinct"}[random.IntN(4)], seeded: []int{0, 3, 30}[random.IntN(3)],
		replacement: -1, engineer: maybe(0.05),
		failing: share(0.2), denied: share(0.05), missing: share(0.06), empty: share(0.06), repeated: share(0.06), partial: share(0.06),
	}
	for p := 1.0; maybe(p); p /= 2 {
		w.fates, w.rates = append(w.fates, searchedFates[random.IntN(len(searchedFates))]), append(w.rates, 0.1+0.4*random.Float64())
	}
	if maybe(0.25) {
		late := lateFates[random.IntN(len(lateFates))]
		w.fates, w.rates = append(w.fates, late.fate), append(w.rates, 0.3)
		w.late, w.short = w.late || late.beyond, true
	}
	if maybe(0.6) {
		w.shows = append(w.shows, hostileShows[random.IntN(len(hostileShows))])
		if maybe(0.3) {
			w.shows = append(w.shows, hostileShows[random.IntN(len(hostileShows))])
		}
	}
	if maybe(0.08) {
		w.replacement = random.IntN(len(hostileReplacements))
	}
	if maybe(0.3) {
		w.lag = []time.Duration{3 * time.Second, 6 * time.Second, time.Minute}[random.IntN(3)]
		// A message that comes late shows later still.
		w.short, w.late = true, w.late || w.lag > 6*time.Second || w.short
	}
	if maybe(0.1) {
		w.miscount = random.IntN(11) - 5
	}
	w.blind = w.missing > 0 || w.empty > 0
	w.short = w.short || w.blind
	w.late = w.late || w.blind
	w.kills = w.kills && w.keys // without a key, what a killed run has sent is anyone's guess
	return w
}

// message is what every run sends as message i.
func (w *hostileWorld) message(run, i int) Message {
	m := Message{CaseID: testCase}
	const words = " <p>a < b &amp; \"c\"</p> <b>文字 &lt;</b> **bold** 🚀\u200b password hunter2\nbye"
	long := strings.Repeat(" and more", 30*(i%2))
	switch {
	case w.keys:
		m.Key = fmt.Sprintf("message %d", i)
		if m.Content = "Release is live" + words + long; w.texts == "similar" {
			m.Content = "host is down" + long
		}
	case w.texts == "identical" && !w.short && w.replacement < 0: // else it is someone else's within the time watched
		m.Content = "The deployment has begun" + words
	case w.texts == "similar":
		m.Content = []string{"host <alpha-%d> is down", "host <b>alpha-%d</b> is down", "host alpha-%d is down", "HOST ALPHA-%d is down", "host  is down %d"}[i%5]
		m.Content = fmt.Sprintf(m.Content, run)
	default:
		m.Content = fmt.Sprintf("Message %d.%d", run, i) + words + long
	}
	return m
}

// service is the ticket as the world shows it.
func (w *hostileWorld) service(random *lockedRand) *fakeTicket {
	f := &fakeTicket{lag: w.lag}
	if w.shows != nil || w.replacement >= 0 {
		f.show = func(text string, age time.Duration) string {
			if w.replacement >= 0 {
				text = hostileReplacements[w.replacement](text, age)
			}
			for _, show := range w.shows {
				text = show(text)
			}
			return text
		}
	}
	f.onPost = func(n int, _ servicerequest.Post) fate {
		for i, rate := range w.rates {
			if random.maybe(rate) {
				return w.fates[i]
			}
		}
		return accepted
	}
	f.onList = func(_ context.Context, n int, l *servicerequest.Listing) error {
		w.someoneElse(f, n)
		switch {
		case random.maybe(w.failing):
			return errFailing
		case random.maybe(w.denied):
			return errDenied
		case random.maybe(w.partial):
			l.Partial = errors.New("not whole")
		}
		total := len(l.Messages)
		if random.maybe(w.missing) && total > 0 {
			l.Messages = l.Messages[:total-1]
			total--
		}
		if random.maybe(w.empty) {
			l.Messages, total = nil, 0
		}
		if random.maybe(w.repeated) && total > 0 {
			l.Messages = append(l.Messages, l.Messages[total-1])
		}
		if l.Surplus = len(l.Messages) - total; w.miscount != 0 {
			l.Surplus += w.miscount
		}
		for i := range l.Messages {
			if w.engineer {
				l.Messages[i].Type = servicerequest.AuthorEngineer
			}
		}
		return nil
	}
	return f
}

// someoneElse writes to a busy ticket: a customer, an engineer or another pipeline.
func (w *hostileWorld) someoneElse(f *fakeTicket, n int) {
	switch {
	case !w.busy || n%5 != 0:
	case n%3 == 0:
		f.add(fmt.Sprintf("[build %d] Someone else's", n))
	default:
		f.addAs(fmt.Sprint("Someone else's ", n), n%2 == 0)
	}
}

type lockedRand struct {
	mu sync.Mutex
	*rand.Rand
}

func (r *lockedRand) maybe(p float64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return p > 0 && r.Float64() < p
}

// mortal is a run that dies at one call: before or after it reaches the service.
type mortal struct {
	Service
	lives atomic.Int32 // 0: it does not die
	after bool
	dead  atomic.Bool
}

var errKilled = errors.New("killed")

func (m *mortal) dies() (now bool) {
	if m.lives.Load() > 0 && m.lives.Add(-1) == 0 {
		m.dead.Store(true)
		return true
	}
	return false
}

func (m *mortal) Post(ctx context.Context, p servicerequest.Post) (servicerequest.Attempt, error) {
	if m.dead.Load() || m.dies() && !m.after {
		return servicerequest.Attempt{}, errKilled
	}
	return m.Service.Post(ctx, p)
}

func (m *mortal) List(ctx context.Context, caseID, groupID string) (servicerequest.Listing, error) {
	if m.dead.Load() || m.dies() {
		return servicerequest.Listing{}, errKilled
	}
	return m.Service.List(ctx, caseID, groupID)
}

// endings count how the deliveries of one text ended, over all runs.
type endings map[result]int

// TestHostileService draws random services that behave as badly as a real one may, and compares what is promised with
// what each ticket has in the end.
func TestHostileService(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	ends := map[bool]endings{true: {}, false: {}}
	posts, lists, sent := 0, 0, 0
	each(*hostileWorlds, 4, func(n int) {
		w := drawWorld(*hostileSeed + uint64(n))
		synctest.Test(t, func(t *testing.T) {
			texts, f := w.run(t)
			mu.Lock()
			defer mu.Unlock()
			posts, lists = posts+f.posts, lists+f.lists
			for _, at := range texts {
				for r, n := range at {
					ends[w.keys][r] += n
					sent += n
				}
			}
		})
	})
	t.Logf("%d services from seed %d, %d messages, %d posts, %d lists", *hostileWorlds, *hostileSeed, sent, posts, lists)
	t.Logf("with keys: %v", ends[true])
	t.Logf("without keys: %v", ends[false])
}

func (w *hostileWorld) run(t *testing.T) (map[string]endings, *fakeTicket) {
	random := &lockedRand{Rand: rand.New(rand.NewPCG(w.seed, 43))}
	f := w.service(random)
	for i := range w.seeded {
		content := fmt.Sprint("Before ", i)
		if i%10 == 0 && !w.short && !w.keys { // else the baseline may lack it
			content = w.message(0, 0).Content
		}
		f.addAs(content, i%2 == 1)
	}
	time.Sleep(time.Hour)
	before := f.onTicket()
	texts := map[string]endings{}
	told := map[string]bool{} // keys with a warning about copies
	for run := range w.runs {
		killer := &mortal{Service: f, after: random.maybe(0.5)}
		if w.kills && run < w.runs-1 {
			killer.lives.Store(int32(1 + random.IntN(2*w.messages)))
		}
		d := New(killer, Config{MaxRetries: 4, Random: func() float64 { return 0.5 }})
		var mu sync.Mutex
		each(w.messages, 6, func(i int) {
			m := w.message(run, i)
			r, copies, err := d.Deliver(t.Context(), m)
			if killer.dead.Load() {
				return // nobody hears it
			}
			mu.Lock()
			defer mu.Unlock()
			for _, c := range copies {
				told[c.Key] = true
			}
			sent := Keyed(m.Key, m.Content)
			if texts[sent] == nil {
				texts[sent] = endings{}
			}
			texts[sent][resultOf(r, err)]++
		})
		time.Sleep(3 * time.Minute) // a message that the list does not show yet is the exception
	}
	w.compare(t, f, before, texts, told)
	return texts, f
}

func (w *hostileWorld) compare(t *testing.T, f *fakeTicket, before map[string]int, texts map[string]endings, told map[string]bool) {
	on := f.onTicket()
	for text, at := range texts {
		n := on[text] - before[text]
		fail := func(what string) {
			t.Errorf("seed %d: %d on the ticket of %.60q, %v: %s\n%+v", w.seed, n, text, at, what, *w)
		}
		receipts := at[gotReceipt] + at[gotResent]
		doubts := at[gotResent] + at[gotUnconfirmed] + at[gotNotChecked] // another one may be there, or still come
		if !w.keys {
			switch {
			case n < receipts:
				fail("a message is lost")
			case doubts == 0 && n > receipts:
				fail("a duplicate that nobody was told of")
			}
			continue
		}
		key := strings.TrimPrefix(text[:strings.IndexByte(text, ']')], "[")
		shown := text
		if f.show != nil {
			shown = f.show(text, time.Hour)
		}
		replaced := w.replacement >= 0 || losesKey(w.shows) || isAnotherKey(shown, text)
		switch {
		case n < min(receipts+at[gotExisting], 1):
			fail("a message is lost")
		case !w.late && !replaced && n > 1:
			fail("a duplicate in spite of the key")
		case !w.blind && !replaced && !w.kills && doubts == 0 && !told[key] && n > 1:
			fail("a duplicate that nobody was told of, in spite of the key")
		}
	}
}

var anyKey = regexp.MustCompile(`^\s*\[([A-Za-z0-9]+(?:[ .-][A-Za-z0-9]+)*)\]`)

// isAnotherKey reports whether a text is shown so that it begins with another valid key: the one change of a key that
// cannot be told from another message.
func isAnotherKey(shown, sent string) bool {
	got, want := anyKey.FindStringSubmatch(oneForm(shown)), anyKey.FindStringSubmatch(sent)
	return got != nil && len(got[0]) >= 6 && !slices.Equal(wordsOf(got[1]), wordsOf(want[1])) && !strings.Contains(shown, sent)
}

// TestKeyIsNeverWorse delivers one message to random services twice: with a key and without. With the key there are
// never more copies on the ticket, and never more that nobody was told of.
func TestKeyIsNeverWorse(t *testing.T) {
	t.Parallel()
	const worlds = 1500
	unkeyed, keyed := 0, 0
	for seed := range uint64(worlds) {
		copies, silent := deliverIn(t, seed, "")
		keyedCopies, keyedSilent := deliverIn(t, seed, "deploy 4711")
		if keyedCopies > copies || keyedSilent && !silent {
			t.Fatalf("seed %d: %d copies with a key (silent: %v), %d without (silent: %v)", seed, keyedCopies, keyedSilent, copies, silent)
		}
		unkeyed, keyed = unkeyed+copies, keyed+keyedCopies
	}
	t.Logf("%d copies of %d messages with keys, %d without", keyed, worlds, unkeyed)
}

// deliverIn delivers a message to the service that the seed draws.
func deliverIn(t *testing.T, seed uint64, key string) (copies int, silent bool) {
	draw := func(kind, n int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(kind*1000+n))) }
	world := draw(0, 0)
	f := &fakeTicket{lag: []time.Duration{0, 0, 3 * time.Second, 7 * time.Second, time.Minute}[world.IntN(5)]}
	if i := world.IntN(2 * len(hostileShows)); i < len(hostileShows) {
		show := hostileShows[i]
		f.show = func(s string, _ time.Duration) string {
			if shown := show(s); key == "" || !isAnotherKey(shown, s) {
				return shown
			}
			return s
		}
	}
	f.onPost = func(n int, _ servicerequest.Post) fate {
		if random := draw(1, n); random.IntN(4) > 0 {
			return hostileFates[random.IntN(len(hostileFates))]
		}
		return accepted
	}
	f.onList = func(_ context.Context, n int, l *servicerequest.Listing) error {
		switch random := draw(2, n); random.IntN(12) {
		case 0:
			return errFailing
		case 1:
			l.Partial = errBroken
		case 2:
			l.Messages = l.Messages[:max(len(l.Messages)-1, 0)]
		case 3:
			l.Messages = append(l.Messages, servicerequest.Message{Content: "Someone else's question"})
		case 4:
			l.Surplus = random.IntN(3) - 1
		}
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		r, found, err := f.deliverer().Deliver(t.Context(), Message{CaseID: testCase, Content: "Release 1.4.0 is live", Key: key})
		copies = len(f.messages)
		silent = copies > 1 && err == nil && r.Resent == "" && len(found) == 0
	})
	return copies, silent
}
