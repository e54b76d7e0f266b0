package servicerequest

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzClassify: an answer is a success only when it is the service's, and names
// no failure.
func FuzzClassify(f *testing.F) {
	for _, body := range []string{"", " ", "{}", "null", "[]", `{"error_code":""}`, `{"error_code":null}`, `{"error_code":"OSM.01010014"}`,
		`{"error_code":"OSM.01010015","error_msg":"x"}`, `{"error_msg":"x"}`, `{"error_code":0}`, `{"error_code":"`, `{"Error_Code":"X","error_code":""}`,
		`{"error_code":"","error_code":"X"}`, "<html>", "\ufeff{}", "{}{}", "0"} {
		f.Add(200, []byte(body), false, true)
	}
	for _, status := range []int{100, 204, 301, 400, 401, 408, 429, 500, 503} {
		f.Add(status, []byte("{}"), false, true)
	}
	f.Add(0, []byte(nil), true, false)
	f.Fuzz(func(t *testing.T, status int, body []byte, cut, connected bool) {
		o := observation{status: status, body: body, connected: connected, header: http.Header{}}
		if cut {
			o.bodyErr = io.ErrUnexpectedEOF
		}
		got, reason := classify(o)
		if reason == "" || reason == "no rule" {
			t.Fatal("no reason")
		}
		a := readAnswer(body)
		if got == submitted {
			trimmed := strings.Trim(string(body), " \t\r\n")
			if status != 200 || cut || a.Code != "" || trimmed != "" && (trimmed[0] != '{' || !json.Valid(body)) {
				t.Fatalf("submitted by %d %q", status, body)
			}
		}
		if got == notExecuted && status != 401 && status != 429 {
			t.Fatalf("not executed by %d %q", status, body)
		}
		if status/100 == 5 && got != unknown {
			t.Fatalf("%v by %d", got, status)
		}
		o.err = io.EOF
		if got, _ := classify(o); (got == notExecuted) == connected || (got == unknown) != connected {
			t.Fatalf("%v without an answer, connected %v", got, connected)
		}
	})
}

// FuzzReadPage: no answer to a list is read as more, or as something else,
// than it is.
func FuzzReadPage(f *testing.F) {
	for _, body := range []string{`{"count":1,"message_list":[{"type":0,"content":"Hello","create_time":"2026-03-01T12:00:00Z","accessory_list":[{"accessory_id":"a"}]}]}`,
		`{"count":"1","message_list":[{"type":"1"}]}`, `{}`, `{"count":0}`, `{"message_list":[]}`, `{"message_list":null}`, `{"count":-1,"message_list":[null]}`,
		`{"count":1e9,"message_list":[{}]}`, `{"count":1.5}`, `[]`, `null`, `{"count":9223372036854775808}`, `{"message_list":[{"type":{}}]}`} {
		f.Add([]byte(body))
	}
	m := newMatcher(Submission{Content: "Hello"}, zone(""))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p page
		if json.Unmarshal(body, &p) != nil {
			return
		}
		var raw struct {
			Count    json.RawMessage   `json:"count"`
			Messages []json.RawMessage `json:"message_list"`
		}
		if strings.TrimSpace(string(body)) != "null" {
			if err := json.Unmarshal(body, &raw); err != nil {
				t.Fatalf("read what is no list: %v", err)
			}
			if raw.Count == nil && raw.Messages == nil || len(p.Messages) != len(raw.Messages) {
				t.Fatalf("%d messages, count %d, of %q", len(p.Messages), p.Count, body)
			}
		}
		var found []candidate
		for _, shown := range p.Messages {
			if c, ok := m.candidate(shown); ok {
				found = append(found, c)
			}
		}
		now := newFakeClock().now
		sum := m.count(found, period{from: now.Add(-time.Hour), to: now, anyZone: true}).ofKind()
		if sum.low > sum.high || sum.high > len(p.Messages) {
			t.Fatalf("%+v of %d", sum, len(p.Messages))
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, v := range []string{"", "0", "7", "-1", "120", "121", "99999999999999999999", "1e3", "Sun, 01 Mar 2026 12:00:09 GMT", "Sunday, 01-Mar-26 12:00:09 GMT",
		"Sun Mar  1 12:00:09 2026", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(v, "Sun, 01 Mar 2026 12:00:00 GMT")
		f.Add(v, "")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		got, ok := retryAfter(h, newFakeClock().now)
		if got < 0 || got > maxRetryAfter || !ok && got != 0 {
			t.Fatalf("%v %v", got, ok)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, v := range []string{"2026-03-01T12:00:00Z", "2026-03-01 12:00:00", "2026-03-01T12:00:00.123+0800", "2026/03/01 12:00:00", "2026-03-01T12:00:00+24:00",
		"1970-01-01 00:00:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-02-30 00:00:00", "just now", "1772366400000", ""} {
		for _, z := range []string{"", "GMT+8", "UTC", "GMT-03:30", "Europe/Berlin", "GMT+", "gmt+0800", "GMT+99", "../etc/passwd", "GMT+8:", "GMT+:"} {
			f.Add(v, z)
		}
	}
	f.Fuzz(func(t *testing.T, value, name string) {
		z := zone(name)
		at, certain, ok := parseTime(value, z)
		if !ok {
			return
		}
		if y := at.Year(); y < 1970 || y >= 2200 {
			t.Fatalf("%q is %v", value, at)
		}
		if !certain && z == nil {
			t.Fatalf("%q was read without any zone", value)
		}
		// What is certain does not depend on the zone; what is not, does so by its offset.
		other, again, ok := parseTime(value, time.UTC)
		if certain && (!ok || !again || !other.Equal(at)) {
			t.Fatalf("%q: %v and %v", value, at, other)
		}
		if !certain && ok && other.Sub(at).Abs() > 26*time.Hour {
			t.Fatalf("%q: %v and %v", value, at, other)
		}
	})
}

var (
	tag      = regexp.MustCompile(`</?[A-Za-z][^<>]*>`) // as a careful service strips
	anything = regexp.MustCompile(`<[^<>]*>`)
	greedy   = regexp.MustCompile(`<[^>]*>`)
	reescape = regexp.MustCompile(`&(amp;){8}`)
)

// FuzzMatcher: in whatever form the ticket shows a text, it is not taken for
// another one. To be in doubt is allowed only where that is the truth.
func FuzzMatcher(f *testing.F) {
	for _, s := range []string{"", " ", "Hello", "a < b & c > d", "<p>Hello</p>", "5 < 6 <b>x</b> and 7 > 3", "<<b>b>", "&lt;<b>b>", "&amp;lt;b&amp;gt;", "<1<b>&gt;2>",
		"<a&lt;b>", "&#60;b>", "&nGt;&notin;&not", "<!-- a > b -->x", "\u200bHello\ufeff", "line\r\nline\x00", "host <alpha> is down", strings.Repeat("文字 &amp; <b>", 100),
		strings.Repeat("<", 500), strings.Repeat("<b ", 300) + ">", "&amp;amp;amp;amp;amp;lt;"} {
		f.Add(s, "Hello", 350)
	}
	f.Fuzz(func(t *testing.T, content, other string, cut int) {
		if utf8.RuneCountInString(content) > 10000 || !utf8.ValidString(content) || reescape.MatchString(content) {
			return // the service takes no such text; the last is escaped too often
		}
		began := time.Now()
		m := newMatcher(Submission{Content: content}, zone(""))
		shown := func(text string) likeness { return m.like(Message{Content: text}) }
		want := func(form, text string, least likeness) {
			if got := shown(text); got < least {
				t.Fatalf("%s: %q is shown as %q: %d, want at least %d", form, content, text, got, least)
			}
		}
		want("as sent", content, exact)
		want("trimmed", strings.TrimSpace(content), exact)
		want("spaced", "\n"+strings.ReplaceAll(content, "\n", "\r\n")+"\t", exact)
		want("escaped", html.EscapeString(content), exact)
		want("stripped", tag.ReplaceAllString(content, ""), akin)
		want("stripped of all", anything.ReplaceAllString(content, ""), akin)
		want("stripped, escaped", html.EscapeString(tag.ReplaceAllString(content, "")), akin)
		want("stripped greedily", greedy.ReplaceAllString(content, ""), perhaps)
		if runes := []rune(content); cut >= minTruncated && cut < len(runes) {
			want("cut", string(runes[:cut]), perhaps)
			want("cut with dots", string(runes[:cut])+"...", perhaps)
		}
		// Likeness goes both ways: what is of one kind is counted as one.
		n := newMatcher(Submission{Content: other}, zone(""))
		if (shown(other) >= akin) != (n.like(Message{Content: content}) >= akin) || (shown(other) >= akin) != (m.content == n.content) {
			t.Fatalf("%q and %q are alike one way", content, other)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("it took %v", took)
		}
	})
}

// The ways back from a text to its tags are bounded, for hostile texts, too.
func TestCanonicalIsFast(t *testing.T) {
	t.Parallel()
	const size = 256 << 10
	for _, s := range []string{
		strings.Repeat("<", size), strings.Repeat("<>", size/2), strings.Repeat("&amp;", size/5), "&" + strings.Repeat("amp;", size/4),
		strings.Repeat("<b ", size/3), strings.Repeat("<", size/2) + strings.Repeat(">", size/2), strings.Repeat("&lt;", size/4), strings.Repeat("<!--", size/4),
	} {
		began := time.Now()
		m := newMatcher(Submission{Content: "Hello <b>you</b>"}, zone(""))
		_ = m.like(Message{Content: s})
		if took := time.Since(began); took > 10*time.Second { // a fraction of a second, unless the machine is busy
			t.Errorf("%.20q: %v", s, took)
		}
	}
}

// In doubt is what may be ours, and is not surely so.
func TestLikeness(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 45)
	ids := func(s string) (list []Accessory) {
		for _, id := range strings.Fields(s) {
			list = append(list, Accessory{ID: id})
		}
		return list
	}
	for _, tc := range []struct {
		ours, shown string
		want        likeness
	}{
		{"Hello", "Hello", exact},
		{"Hello", "hello", different},
		{"Hello", "Hello!", different},
		{"Hello", "", different},
		{"<b>Hello</b>", "Hello", stripped},
		{"<b>Hello</b>", "<i>Hello</i>", akin},
		{"host <alpha>", "host <beta>", akin},
		{"host <alpha>", "host", stripped},
		{" Disk 1\r\n 2", "Disk  1 2\n", exact},
		{"Disk 1 2", "Disk 12", respaced},
		{"Disk 1 2", "<p>Disk 1 2</p>", akin},
		{"Message 1", "Message 12", different},
		{"Message 12", "Message 1", different},
		{"5 < 6 <b>x</b> and 7 > 3", "5 x and 7 > 3", perhaps},
		{"a <!-- b > c --> d", "a  d", perhaps},
		{long, long[:400], perhaps},
		{long, long[:400] + "...", perhaps},
		{long, long[:400] + "…", perhaps},
		{long, long[:299], different},
		{long, long[:400] + "x", different},
		{long[:400], long, different},
		{long[:390] + `<a href="x">link</a>`, long[:390] + `<a href="`, perhaps},
		{long[:398] + "&amp;", long[:398] + "&a", perhaps},
		{long[:390] + " < 17 ms", long[:390] + " < 18 ms", different},
		{long[:390] + " 17", long[:390] + " 18", different},
	} {
		if got := newMatcher(Submission{Content: tc.ours}, zone("")).like(Message{Content: tc.shown}); got != tc.want {
			t.Errorf("%.50q shown as %.50q: %d, want %d", tc.ours, tc.shown, got, tc.want)
		}
	}
	for _, tc := range []struct {
		ours, shown string
		want        likeness
	}{
		{"", "", exact}, {"a", "a", exact}, {"a b", "b a", exact}, {"", "a", different}, {"a", "b", different}, {"a b", "a c", different},
		{"a b c d e f g", "a b c d e", exact}, {"a b c d e f g", "c d e f g", exact}, {"a b c d e f g", "a b c d e f g", exact}, {"a b c d e f g", "a b c d x", different},
		{"a", "", partly}, {"a b", "b", partly}, {"a b c d e f g", "a b c d", partly}, // the others may show later
	} {
		m := newMatcher(Submission{Content: "x", AccessoryIDs: strings.Fields(tc.ours)}, zone(""))
		if got := m.like(Message{Content: "x", Accessories: ids(tc.shown)}); got != tc.want {
			t.Errorf("%s shown as %s: %d, want %d", tc.ours, tc.shown, got, tc.want)
		}
	}
}

// A time is in the period, out of it, or in doubt.
func TestCountByTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := period{from: now.Add(-10 * time.Second), to: now.Add(clockSlack)}
	for _, tc := range []struct {
		created   string
		anyZone   bool
		low, high int
	}{
		{"2026-03-01T12:00:00Z", false, 1, 1},
		{"2026-03-01T20:00:00+08:00", false, 1, 1},
		{"2026-03-01T11:59:50Z", false, 1, 1},
		{"2026-03-01T11:59:49Z", false, 0, 0},
		{"2026-03-01T12:00:02Z", false, 1, 1},
		{"2026-03-01T12:00:03Z", false, 0, 1}, // from the future
		{"2026-03-01 20:00:00", false, 1, 1},  // of the service's default zone
		{"2026-03-01 12:00:00", false, 0, 1},  // of UTC, or eight hours old
		{"2026-03-01 13:00:00", false, 0, 0},
		{"2026-03-01 13:00:00", true, 0, 1}, // of Berlin, or seven hours old
		{"2026-03-01 13:01:00", true, 0, 0}, // of no zone
		{"2026-02-28 20:00:00", true, 0, 1},
		{"2026-02-27 12:00:00", true, 0, 0},
		{"just now", false, 0, 1},
		{"", false, 0, 1},
	} {
		in.anyZone = tc.anyZone
		m := newMatcher(Submission{Content: "x"}, zone(""))
		got := m.count([]candidate{{exact, tc.created}}, in).ofKind()
		if got.low != tc.low || got.high != tc.high {
			t.Errorf("%s: %d to %d, want %d to %d", tc.created, got.low, got.high, tc.low, tc.high)
		}
		if got := m.count([]candidate{{exact, tc.created}}, period{}).ofKind(); got.low != 0 || got.high != 1 {
			t.Errorf("%s is not in doubt without a Date", tc.created)
		}
		if got := m.count([]candidate{{perhaps, tc.created}}, in).ofKind(); got.low != 0 || got.high != tc.high {
			t.Errorf("%s: a perhaps counts %d to %d", tc.created, got.low, got.high)
		}
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		text, zone  string
		certain, ok bool
	}{
		{"2026-03-01T12:00:00Z", "", true, true},
		{"2026-03-01T20:00:00+08:00", "", true, true},
		{"2026-03-01T20:00:00+0800", "", true, true},
		{"2026-03-01 20:00:00+08:00", "", true, true},
		{"2026-03-01 20:00:00 +0800", "", true, true},
		{" 2026-03-01T12:00:00.000Z ", "", true, true},
		{"2026-03-01 20:00:00", "", false, true},
		{"2026-03-01 20:00:00", "GMT+8", false, true},
		{"2026-03-01T13:00:00.0", "Europe/Berlin", false, true},
		{"2026/03/01 08:30:00", "UTC-03:30", false, true},
		{"2026-03-01 12:00:00", "gmt", false, true},
		{"2026-03-01 12:00:00", "Nowhere/Land", false, false},
		{"2026-03-01", "", false, false},
		{"2026-03-01 20:00", "", false, false},
		{"just now", "", false, false},
		{"1772366400", "", true, true},
		{"1772366400000", "", true, true},
		{"20260301", "", false, false}, // a date, and no time since 1970
		{"202603011200", "", false, false},
		{"20260301120000", "", false, false},
		{"0001-01-01T00:00:00Z", "", false, false},
	} {
		got, certain, ok := parseTime(tc.text, zone(tc.zone))
		if ok != tc.ok || ok && (certain != tc.certain || !got.Equal(want)) {
			t.Errorf("%q in %q: %v %v %v", tc.text, tc.zone, got, certain, ok)
		}
	}
	for _, bad := range []string{"GMT+15", "GMT+8:60", "GMT+80000", "GMT+x", "GMT8", "+8"} {
		if z := zone(bad); z != nil {
			t.Errorf("%s is %v", bad, z)
		}
	}
	if !slices.Contains([]string{"GMT+8"}, zone("").String()) {
		t.Error("the default is not the service's")
	}
}

// A hostile text is read in a time that grows with its length alone: were it
// with the square, this would outlast the test run.
func TestMatchingAHostileText(t *testing.T) {
	t.Parallel()
	m := newMatcher(Submission{Content: "hello"}, zone(""))
	for part, want := range map[string]likeness{
		"a<": different, "&": different, "a<b>": different,
		"<": perhaps, "&lt;": perhaps, "<!--": perhaps, // cut, and ours might begin like this
	} {
		if got := m.like(Message{Content: strings.Repeat(part, 1<<20/len(part))}); got != want {
			t.Errorf("%q, many times, is like ours: %d, want %d", part, got, want)
		}
	}
	// Ours, cut within one of several tags.
	ours := strings.Repeat("a <b>b</b> ", 40) + "the end"
	m = newMatcher(Submission{Content: ours}, zone(""))
	if got := m.like(Message{Content: ours[:strings.LastIndex(ours, "<b>")+1]}); got != perhaps {
		t.Errorf("ours, cut within a tag, is like ours: %d, want perhaps", got)
	}
}

// Which of many texts are alike is not looked for without end.
func TestComparingIsBounded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Hello", 100)
	d := newDetail([]Message{{ID: "1", Content: text}})
	d.compared = maxCompared
	m := listed{Message: Message{Content: text[:400]}}
	if d.claimAlike(&m); m.state != alone {
		t.Errorf("state %d", m.state)
	}
	d.compared = 0
	if d.claimAlike(&m); m.state != known || d.compared == 0 {
		t.Errorf("state %d, %d compared", m.state, d.compared)
	}

	// Equal texts are found without.
	var shown []Message
	for i := range 2000 {
		shown = append(shown, Message{ID: strconv.Itoa(i), Content: text, CreateTime: "unreadable"})
	}
	d = newDetail(shown)
	for range shown {
		m := listed{Message: Message{Content: "<p>" + text + "</p>", CreateTime: "unreadable"}}
		if d.claimAlike(&m); m.state != known {
			t.Fatalf("state %d, %d compared", m.state, d.compared)
		}
	}
}

func TestTimesSince1970(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, s := range []string{"1772600767", "1772600767000"} {
		if got, certain, ok := parseTime(s, nil); !got.Equal(want) || !certain || !ok {
			t.Errorf("%s: %v, certain %t, ok %t; want %v", s, got, certain, ok, want)
		}
	}
	for _, s := range []string{"0", "-1", "99999999999999999999"} {
		if got, _, ok := parseTime(s, time.UTC); ok {
			t.Errorf("%s is the time %v", s, got)
		}
	}
}
