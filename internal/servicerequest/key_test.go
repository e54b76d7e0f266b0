package servicerequest

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

func keyed(content, key string) Submission {
	return Submission{CaseID: testCase, Content: content, IdempotencyKey: key}
}

func TestCheckIdempotencyKey(t *testing.T) {
	t.Parallel()
	for key, ok := range map[string]bool{
		"[deploy 4711]": true, "deploy-81": true, "v1.4.0": true, "a_b.c:d/e#f": true, "123456": true, "deploy 4711 eu": true,
		"12345": false, strings.Repeat("k", 64): true, strings.Repeat("k", 65): false, "": false,
		"deploy  81": false, " deploy": false, "deploy ": false, "deploy\n81": false, "deploy\t81": false,
		"déploy": false, "部署部署部署": false, "deploy<81>": false, "deploy&81": false, `deploy"81"`: false, "deploy*81": false, "......": false,
	} {
		if err := CheckIdempotencyKey(key); (err == nil) != ok {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestCheckKeyInContent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		key, content string
		want         string // a part of the error; empty is none
	}{
		{"[deploy 81]", "[deploy 81] Release 1.4.0 is live", ""},
		{"[deploy 81]", "[deploy 81]\nRelease", ""},
		{"[deploy 81]", "<b>[deploy 81]</b>Release", ""},
		{"[deploy 81]", "Release[deploy 81]is live", ""},
		{"deploy-81", "Release (deploy-81) is live", ""},
		{"deploy-81", "deploy-81", ""},
		{"deploy-81", "deploy-81. Done", ""},
		{"deploy-81", "部署deploy-81完成", ""},
		{"deploy-81", "Release", "must be part of the content, in the same upper and lower case"},
		{"deploy-81", "Deploy-81", "must be part of the content, in the same upper and lower case"},
		{"deploy-81", "deploy-812 and redeploy-81", "must not be part of a longer word or number in the content"},
		{"deploy-81", "deploy-81-rc1, deploy-81.1, x/deploy-81", "must not be part of a longer word or number in the content"},
		{"deploy-81", "deploy-812, deploy-81", ""},
		{"deploy-81", "deploy-81\nRelease", "a line break is not enough"},
		{"deploy-81", "部署：deploy-81 完成", ""},
		{"deploy-81", "done — deploy-81 — live", ""},
		{"[deploy 81]", "[deploy 81](https://ci/81)", "since Markdown would make it a link"},
		{"[deploy 81]", "[deploy 81] (https://ci/81)", ""},
		{"[deploy 81]", "latency < 5 ms [deploy 81] errors > 0", "do not put it between < and >"},
		{"deploy-81", "deploy-81 \nRelease", ""},
		{"deploy-81", "deploy-81<br>Release", "must still stand alone in the content after the service removes markup and line breaks"},
		{"deploy-81", "deploy-81 <br>Release", ""},
		{"deploy-81", `<a href="deploy-81">Release</a>`, "must still stand alone in the content after the service removes markup and line breaks"},
		{"deploy-81", strings.Repeat("x", 90) + " deploy-81", ""},
		{"deploy-81", strings.Repeat("x", 91) + " deploy-81", "first 100 characters"},
		{"deploy-81", strings.Repeat("文", 91) + "deploy-81", ""},
	} {
		err := CheckKeyInContent(tc.key, tc.content)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q in %.60q: %v, want %q", tc.key, tc.content, err, tc.want)
		}
	}
}

func TestHasKey(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		key, shown string
		want       bool
	}{
		{"deploy-81", "deploy-81", true},
		{"deploy-81", "deploy-812", false},
		{"deploy-81", "redeploy-81", false},
		{"deploy-81", "deploy-81é", false},
		{"deploy-81", "deploy-81.", true},
		{"deploy-81", "deploy-81...", true},
		{"deploy-81", "deploy-81.2", false},
		{"deploy-81", "pre-deploy-81", false},
		{"deploy-81", "deploy-812 deploy-81", true},
		{"1.4.0-x", "11.4.0-x", false},
		{"1.4.0", "1.4.0.1", false}, // too short for a key, but the rule is the same
		{"1.4.0", "11.4.0", false},
		{"1.4.0", "v1.4.0", false},
		{"1.4.0", "(1.4.0), 1.4.0.1", true},
		{"[deploy 81]", "[deploy 81]Release", true},
		{"[deploy 81]", "［deploy 81］Release", true},
		{"[deploy 81]", "【deploy 81】Release", true},
		{"[deploy 81]", `\[deploy 81\] Release`, true},
		{"deploy_81", `deploy\_81 Release`, true},
		{"deploy-81", "deploy\u201181 Release", true},
		{"deploy-81", "部署：deploy-81", true},
		{"[deploy 81]", "&#91;deploy&nbsp;81&#93;", true},
		{"[deploy 81]", "&amp;#91;deploy 81&amp;#93;", true},
		{"[deploy 81]", "[deploy\n81]", true},
		{"[deploy 81]", "[dep\nloy 81]", true},
		{"[deploy 81]", "[dep<wbr>loy 81]", true},
		{"[deploy 81]", "[dep\u200bloy 81]", true},
		{"[deploy 81]", "[deploy 812]", false},
		{"deploy-81", "<p>deploy-81</p>", true},
		{"deploy-81", "deploy-81<br/>Release", true},
		{"deploy-81", "deploy-<b>81</b>", true},
		{"deploy-81", "deploy-<b>8</b>12", false},
		{"deploy-81", "", false},
	} {
		if got := hasKey(tc.shown, tc.key); got != tc.want {
			t.Errorf("%q in %q: %v", tc.key, tc.shown, got)
		}
	}
}

// A key that is used twice by mistake must not lose a message.
func TestShows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Some words and more. ", 20)
	for _, tc := range []struct {
		ours, shown string
		want        bool
	}{
		{"Hello [key 1]", "Hello [key 1]", true},
		{"Hello [key 1]", " Hello, [key 1]! ", true},
		{"Hello [key 1]", "Goodbye [key 1]", false},
		{"Hello [key 1]", "hello [key 1]", false},
		{"Hello [key 1]", "Hello [key 2]", false},
		{"<b>Hello</b> [key 1]", "Hello [key 1]", true},
		{"Hello [key 1]", "<p>Hello [key 1]</p>", true},
		{"Hello [key 1]", "&lt;p&gt;Hello [key 1]&lt;/p&gt;", true},
		{"host <alpha> is down [key 1]", "host is down [key 1]", true},
		{"host <alpha> is down [key 1]", "host <beta> is down [key 1]", false},
		{"**Hello** [key 1]", "<strong>Hello</strong> [key 1]", true},
		{"Hello 🚀 [key 1]", "Hello ? [key 1]", true},
		{"Hello [key 1]", "[customer] Hello [key 1]", true},
		{"Hello [key 1]", "Hello [key 1]\n-- sent by the console", true},
		{"Hello [key 1] and more", "Hello [key 1]", false}, // too short to be its beginning
		{"[key 1] " + long, ("[key 1] " + long)[:100], true},
		{"[key 1] " + long, ("[key 1] " + long)[:99], false},
		{"[key 1] " + long, ("[key 1] " + long)[:150] + "...", true},
		{"[key 1] " + long, ("[key 1] " + long)[:150] + "…", true},
		{"[key 1] " + long, ("[key 1] " + long)[:150] + "x", false},
		{"[key 1] " + long + "& & &", ("[key 1] " + long) + "&am", true},
		{"[key 1] <p>" + long, ("[key 1] " + long)[:150], true},
		{"[key 1] " + long + "<strong>x</strong>", "[key 1] " + long + "<stro", true},
		{"Hello [key 1]", "*** [key 1]", false},
		{"Hello [key 1]", "", false},
		{"[key 1]", "[key 1]", true},
	} {
		if got := Shows(tc.shown, tc.ours); got != tc.want {
			t.Errorf("%.60q shown as %.60q: %v", tc.ours, tc.shown, got)
		}
	}
}

// The messages that are on the ticket before the search decide.
func TestKeyIsSearchedForFirst(t *testing.T) {
	t.Parallel()
	const content, key = "[deploy 81] Release 1.4.0 is live", "[deploy 81]"
	for name, tc := range map[string]struct {
		on    []simulator.Message
		fault string
		want  result
		posts int
	}{
		"nothing":                 {nil, "", gotReceipt, 1},
		"others":                  {[]simulator.Message{{Content: "[deploy 812] Release"}, {Content: "Release"}}, "", gotReceipt, 1},
		"the message":             {[]simulator.Message{{Content: "x"}, {Content: content}, {Content: "y"}}, "", gotReceipt, 0},
		"of whomever":             {[]simulator.Message{{Content: content, Type: AuthorEngineer}}, "", gotReceipt, 0},
		"with another attachment": {[]simulator.Message{{Content: content, AccessoryIDs: []string{"a"}}}, "", gotReceipt, 0},
		"another text":            {[]simulator.Message{{Content: "[deploy 81] Release 1.4.0 has failed"}}, "", gotConflict, 0},
		"another text and it":     {[]simulator.Message{{Content: "Re: [deploy 81]", Type: AuthorEngineer}, {Content: content}}, "", gotReceipt, 0},
		"twice":                   {[]simulator.Message{{Content: content}, {Content: content}}, "", gotReceipt, 0},
		"quoted":                  {[]simulator.Message{{Content: content}, {Content: "> " + content + "\nThanks.", Type: AuthorEngineer}}, "", gotReceipt, 0},
		"denied":                  {nil, "list-denied", gotNotSearched, 0},
		"not to be read":          {[]simulator.Message{{Content: content}}, "500?op=list", gotNotSearched, 0},
		"read in the end":         {[]simulator.Message{{Content: content}}, "500?op=list&times=3", gotReceipt, 0},
		"escaped":                 {[]simulator.Message{{Content: content}}, "list-escapes", gotReceipt, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, simulator.Options{})
			if tc.fault != "" {
				s.SetFaults(faults(t, tc.fault)...)
			}
			for _, m := range tc.on {
				s.AddMessage(testCase, m)
			}
			r, err := s.client(t).Submit(t.Context(), keyed(content, key))
			wantResult(t, r, err, tc.want)
			if n := s.Count(simulator.OpSubmit); n != tc.posts {
				t.Errorf("%d posts", n)
			}
			if adopted := r.ConfirmedBy == ByExisting; err == nil && adopted != (tc.posts == 0) {
				t.Errorf("%+v", r)
			}
			copies := 0
			for _, m := range tc.on {
				if strings.Contains(m.Content, content) {
					copies++
				}
			}
			if err == nil && r.Copies != copies {
				t.Errorf("%d copies, want %d", r.Copies, copies)
			}
			var conflict *KeyConflictError
			if errors.As(err, &conflict) && (conflict.Content != content || conflict.Shown != tc.on[0].Content || conflict.CaseID != testCase) {
				t.Errorf("%+v", conflict)
			}
		})
	}
}

// A conflict reveals no secret text: neither ours, nor that on the ticket, which may
// be an earlier one of ours.
func TestConflictKeepsSecrets(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{})
	s.AddMessage(testCase, simulator.Message{Content: "[key 1] the password was 12345"})
	submission := keyed("[key 1] the password is 12345", "[key 1]")
	submission.Secret = true
	_, err := s.client(t).Submit(t.Context(), submission)
	var conflict *KeyConflictError
	if !errors.As(err, &conflict) || conflict.Content+conflict.Shown != "" || strings.Contains(err.Error(), "password") {
		t.Errorf("%+v", conflict)
	}
}

// A listing that is older than 10 seconds is too old to search.
func TestKeySearchIsFresh(t *testing.T) {
	t.Parallel()
	for age, adopted := range map[time.Duration]bool{10 * time.Second: false, 11 * time.Second: true} {
		s := newService(t, simulator.Options{})
		c := s.client(t)
		if _, err := c.Submit(t.Context(), hello()); err != nil {
			t.Fatal(err)
		}
		s.AddMessage(testCase, simulator.Message{Content: "Hello [key 1]"})
		s.clock.advance(age)
		r, err := c.Submit(t.Context(), keyed("Hello [key 1]", "[key 1]"))
		if err != nil || (r.ConfirmedBy == ByExisting) != adopted {
			t.Errorf("%v: %+v %v", age, r, err)
		}
	}
}

// In one run, submissions with equal key and text are one message, even before a list
// shows it.
func TestOneKeyInOneRun(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{Faults: faults(t, "late-list?delay=1h")})
	c := s.client(t)
	var mu sync.Mutex
	by := map[Confirmation]int{}
	each(50, 50, func(int) {
		r, err := c.Submit(t.Context(), keyed("Hello [key 1]", "[key 1]"))
		wantResult(t, r, err, gotReceipt)
		mu.Lock()
		defer mu.Unlock()
		by[r.ConfirmedBy]++
	})
	if by[ByResponse] != 1 || by[ByExisting] != 49 {
		t.Error(by)
	}
	r, err := c.Submit(t.Context(), keyed("Goodbye [key 1]", "[key 1]"))
	wantResult(t, r, err, gotConflict)
	s.want(t, 1, 1, 1)
}

// If the first of two submissions with one key ends unconfirmed, the second is not
// sent.
func TestOneKeyAfterAnUnconfirmedMessage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		faults []string
		second result
	}{
		"it is there":      {[]string{"lost-answer@1", "403@2?op=list"}, gotReceipt},
		"it is not there":  {[]string{"cut@1", "403@2?op=list"}, gotUnconfirmed},
		"it shows late":    {[]string{"lost-answer@1", "late-list?delay=1h", "403@2?op=list"}, gotUnconfirmed},
		"it was refused":   {[]string{"403@1"}, gotReceipt},
		"the list is down": {[]string{"cut@1", "500@2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29?op=list"}, gotNotSearched},
	} {
		s := newService(t, simulator.Options{Faults: faults(t, tc.faults...)})
		c := s.client(t)
		_, err := c.Submit(t.Context(), keyed("Hello [key 1]", "[key 1]"))
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		posts := s.Count(simulator.OpSubmit)
		s.clock.advance(time.Second)
		r, err := c.Submit(t.Context(), keyed("Hello [key 1]", "[key 1]"))
		wantResult(t, r, err, tc.second)
		if n := s.Count(simulator.OpSubmit) - posts; (n > 0) != (name == "it was refused") {
			t.Errorf("%s: %d posts by the second", name, n)
		}
		r, err = c.Submit(t.Context(), keyed("Goodbye [key 1]", "[key 1]"))
		wantResult(t, r, err, gotConflict)
	}
}

// After an unknown outcome the key alone decides, however the text is shown and
// whatever else is new.
func TestKeyDecidesAfterAnUnknownAttempt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault, list string
		want        result
		messages    int
	}{
		"there":                   {"lost-answer@1", "latency?delay=1ms", gotReceipt, 1},
		"not there":               {"cut@1", "latency?delay=1ms", gotWarning, 1},
		"there, stripped":         {"lost-answer@1", "list-strips", gotReceipt, 1},
		"there, wrong type":       {"lost-answer@1", "wrong-type", gotReceipt, 1},
		"there, with a signature": {"lost-answer@1", "signed", gotReceipt, 1},
		"there, masked":           {"lost-answer@1", "masked", gotReceipt, 1},
		"not there, among others": {"cut@1", "extra-items", gotWarning, 1},
		"moderated":               {"lost-answer@1", "moderated", gotWarning, 2}, // the documented exception
		"shows beyond the watch":  {"lost-answer@1", "late-list?delay=1m", gotWarning, 2},
	} {
		s := newService(t, simulator.Options{Faults: faults(t, tc.fault, tc.list)})
		r, err := s.client(t).Submit(t.Context(), keyed("[key 1] <b>password</b> hunter2", "[key 1]"))
		wantResult(t, r, err, tc.want)
		if n := len(s.Messages(testCase)); n != tc.messages {
			t.Errorf("%s: %d messages", name, n)
		}
	}
}

// If another message of the run has the key in its text, against the rule, the result
// is unconfirmed, but nothing is lost or duplicated.
func TestKeyThatAnotherMessageMentions(t *testing.T) {
	t.Parallel()
	b := newBaseline(listing{})
	own, other := newOwnText("Hello [key 1]"), newOwnText("See [key 1]")
	b.sent.add(other, sentText{possible: 1})
	for n, want := range []presence{absent, unclear, present} {
		l := listing{messages: make([]Message, n)}
		for i := range l.messages {
			l.messages[i].Content = "[key 1]"
		}
		if got, _ := b.judgeKey(l, own, "[key 1]"); got != want {
			t.Errorf("%d messages with the key: %v, want %v", n, got, want)
		}
	}
}

// An incomplete list cannot rule out a key, neither before the message is sent nor
// after.
func TestKeyIsNotRuledOutByAPartOfTheList(t *testing.T) {
	t.Parallel()
	own := newOwnText("Hello [key 1]")
	for name, l := range map[string]listing{
		"fewer than counted": {count: 5, repeats: true, messages: make([]Message, 3)},
		"overlapping pages":  {count: 3, overlaps: true, messages: make([]Message, 3)},
	} {
		if got, err := newBaseline(listing{}).judgeKey(l, own, "[key 1]"); got != unclear || err == nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		l.messages[2].Content = "[key 1]"
		if got, err := newBaseline(listing{}).judgeKey(l, own, "[key 1]"); got != present || err != nil {
			t.Errorf("%s, with the key: %v, %v", name, got, err)
		}
	}
	// Equal messages on two pages of a list that does not change are no problem.
	s := newService(t, simulator.Options{})
	for range 150 {
		s.AddMessage(testCase, simulator.Message{Content: "Status changed"})
		s.AddMessage(testCase, simulator.Message{Content: fmt.Sprint("Before ", len(s.Messages(testCase)))})
	}
	r, err := s.client(t).Submit(t.Context(), keyed("Hello [key 1]", "[key 1]"))
	wantResult(t, r, err, gotReceipt)
	s.want(t, 301, 1, 8) // two readings of four pages

	s = newService(t, simulator.Options{Faults: faults(t, "offset-ignored")})
	for i := range 150 {
		s.AddMessage(testCase, simulator.Message{Content: fmt.Sprint("Before ", i)})
	}
	r, err = s.client(t).Submit(t.Context(), keyed("Hello [key 1]", "[key 1]"))
	wantResult(t, r, err, gotNotSearched)
	s.want(t, 150, 0, 2)
}

// A message with a key is on the ticket once if its run is killed at any point and
// repeated.
func TestKeyHoldsAcrossRuns(t *testing.T) {
	t.Parallel()
	s := newService(t, simulator.Options{})
	killed := errors.New("killed")
	for run := range 6 {
		c := s.client(t)
		if run < 3 {
			c.transport = transportFunc(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPost && run > 0 {
					if resp, err := http.DefaultTransport.RoundTrip(r); err == nil { //nolint:forbidigo // any will do
						_ = resp.Body.Close()
					}
				}
				if r.Method == http.MethodPost {
					panic(killed)
				}
				return http.DefaultTransport.RoundTrip(r) //nolint:forbidigo // any will do
			})
		}
		func() {
			defer func() { _ = recover() }()
			r, err := c.Submit(t.Context(), keyed("Hello [key 1]", "[key 1]"))
			wantResult(t, r, err, gotReceipt)
			if (r.ConfirmedBy == ByExisting) != (run > 1) {
				t.Errorf("run %d: %+v", run, r)
			}
		}()
		s.clock.advance(time.Minute)
	}
	if n := len(s.Messages(testCase)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var (
	tag      = regexp.MustCompile(`</?[A-Za-z][^<>]*>`) // as a careful service strips
	anything = regexp.MustCompile(`<[^<>]*>`)
)

// FuzzKey: a valid key is found in every form in which the ticket may show the text,
// and the message is recognised.
func FuzzKey(f *testing.F) {
	for _, s := range []string{"", " ", "Release 1.4.0", "a < b & c > d", "<p>Hello</p>", "5 < 6 <b>x</b> and 7 > 3", "&lt;<b>b>", "line\r\nline\x00", "1", ".1", "<b", "&", "文字", "\u200b"} {
		f.Add("deploy-81", "", s)
		f.Add("[deploy 81]", s, s)
		f.Add("a.b:c/d#e", s, "")
	}
	f.Fuzz(func(t *testing.T, key, before, after string) {
		content := before + key + after
		if CheckIdempotencyKey(key) != nil || !utf8.ValidString(content) || utf8.RuneCountInString(content) > 10000 || CheckKeyInContent(key, content) != nil {
			return
		}
		for form, shown := range map[string]string{
			"as sent": content, "trimmed": strings.TrimSpace(content), "escaped": html.EscapeString(content),
			"stripped": tag.ReplaceAllString(content, ""), "prefixed": "[customer] " + content, "signed": content + "\n-- x",
			"joined": strings.NewReplacer("\r", "", "\n", "").Replace(content), "paragraph": "<p>" + content + "</p>",
		} {
			if !hasKey(shown, key) {
				t.Fatalf("%s: %q is not found in %q", form, key, shown)
			}
		}
		for form, shown := range map[string]string{"as sent": content, "escaped": html.EscapeString(content), "stripped of all": anything.ReplaceAllString(content, "")} {
			if form != "stripped of all" && !Shows(shown, content) {
				t.Fatalf("%s: %q is not recognised in %q", form, content, shown)
			}
		}
		if cut := []rune(content); len(cut) > 255 && !hasKey(string(cut[:255]), key) {
			t.Fatalf("%q is not found in the beginning of %q", key, content)
		}
	})
}

func ExampleCheckKeyInContent() {
	fmt.Println(CheckKeyInContent("[deploy 81]", "[deploy 81] Release 1.4.0 is live"))
	fmt.Println("The key", CheckKeyInContent("deploy-81", "deploy-812 is live"))
	// Output:
	// <nil>
	// The key must not be part of a longer word or number in the content: put it in square brackets, or put a space on both sides of it
}
