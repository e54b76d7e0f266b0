package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// fault is ParseFault of a text that must be right.
func fault(t *testing.T, text string) Fault {
	t.Helper()
	f, err := ParseFault(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func faults(t *testing.T, texts ...string) (out []Fault) {
	t.Helper()
	for _, text := range texts {
		out = append(out, fault(t, text))
	}
	return out
}

// submit posts a message.
func submit(t *testing.T, s *Simulator, content string, accessories ...string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"message": map[string]any{"content": content, "accessory_ids": append([]string{}, accessories...)}})
	if err != nil {
		t.Fatal(err)
	}
	if got := verdict(t, ask(t, s, "POST", submitPath, string(body))); got != accepted {
		t.Fatalf("submit: %s", got)
	}
}

func listOf(t *testing.T, s *Simulator) []any {
	t.Helper()
	return read(t, s, "cases/case-123/messages?trim_osm_rich_text_label=false&limit=100")["message_list"].([]any)
}

func detailOf(t *testing.T, s *Simulator) []any {
	t.Helper()
	return read(t, s, "cases/case-123")["incident_detail_info"].(map[string]any)["message_list"].([]any)
}

// textTests has every condition on texts, with a text and how it is shown.
var textTests = map[string][2]string{
	"emoji-dropped":      {"a 😀𝄞 é…b", "a  é…b"},
	"emoji-question":     {"a 😀𝄞 é…b", "a ?? é…b"},
	"zero-width-dropped": {"a\u200Bb\u200Cc\u200Dd\u2060e\uFEFFf g", "abcdef g"},
	"fullwidth-brackets": {"<a> [b] (c)", "＜a＞ ［b］ (c)"},
	"masked":             {"Password: hunter2 and password\nx, passwords y", "Password: *** and password\n*** passwords y"},
	"prefixed":           {"a", "[customer] a"},
	"signed":             {"a", "a\nSent from the service console"},
	"markdown":           {"# Title **one**\r\na **b** c **d\n# Two\rend # not", "<h1>Title <strong>one</strong></h1><br/>a <strong>b</strong> c **d<br/><h1>Two</h1><br/>end # not"},
	"cut-255":            {strings.Repeat("é", 256), strings.Repeat("é", 255)},
	"cut-400-bytes":      {"a" + strings.Repeat("é", 300), "a" + strings.Repeat("é", 199) + "\uFFFD"},
	"moderated":          {"a", "This message was hidden by a moderator."},
	"blanked":            {"a", ""},
	"joined-lines":       {"a\r\nb\nc\rd e", "abcd e"},
	"trimmed":            {" \n a  b\t\n", "a  b"},
}

func TestTextConditions(t *testing.T) {
	for _, k := range faultKinds {
		if k.text == nil {
			continue
		}
		test, ok := textTests[k.Name]
		if !ok {
			t.Errorf("%s has no test", k.Name)
		}
		for _, seededToo := range []bool{false, true} {
			s := service(Options{Faults: []Fault{{Kind: k.Name}}, ChangeSeeded: seededToo})
			s.AddMessage("case-123", Message{Content: test[0]})
			submit(t, s, test[0])
			want := []string{test[0], test[1]}
			if seededToo {
				want[0] = test[1]
			}
			for name, shown := range map[string][]any{"list": listOf(t, s), "detail": detailOf(t, s)} {
				if got := contents(shown); !slices.Equal(got, want) {
					t.Errorf("%s, %s: got %q, want %q", k.Name, name, got, want)
				}
			}
			if got := s.Messages("case-123")[1].Content; got != test[0] {
				t.Errorf("%s changed the ticket: %q", k.Name, got)
			}
		}
	}
}

// What a cut leaves alone, and other edges.
func TestTextEdges(t *testing.T) {
	for _, c := range []struct{ kind, text, want string }{
		{"cut-255", strings.Repeat("é", 255), strings.Repeat("é", 255)},
		{"cut-400-bytes", strings.Repeat("é", 200), strings.Repeat("é", 200)},
		{"cut-400-bytes", strings.Repeat("é", 201), strings.Repeat("é", 200)},
		{"cut-400-bytes", strings.Repeat("a", 397) + "😀", strings.Repeat("a", 397) + "\uFFFD"},
		{"masked", "my password", "my password"},
		{"masked", "PASSWORD=x", "PASSWORD=***"},
		{"markdown", "a # b", "a # b"},
		{"markdown", "#a", "#a"},
	} {
		s := service(Options{Faults: []Fault{{Kind: c.kind}}})
		submit(t, s, c.text)
		if got := contents(listOf(t, s))[0]; got != c.want {
			t.Errorf("%s of %q: got %q, want %q", c.kind, c.text, got, c.want)
		}
	}
}

// The order of the changes is that of faultKinds, whatever that of the faults.
func TestTextOrder(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, c := range []struct {
		kinds      []string
		text, want string
	}{
		{[]string{kindStrips, "prefixed", "markdown"}, "<i>**a**</i>", "[customer] <strong>a</strong>"},
		{[]string{kindEscapes, "fullwidth-brackets"}, "<[", "&lt;［"},
		{[]string{kindTruncates, "signed"}, strings.Repeat("a", 401), strings.Repeat("a", 400) + "\nSent from the service console"},
		{[]string{"emoji-dropped", "emoji-question"}, "a😀", "a"},
		{[]string{"fullwidth-brackets", "prefixed", "markdown"}, "[**a**]", "[customer] ［<strong>a</strong>］"},
		{[]string{"prefixed", "signed", "cut-255"}, long, "[customer] " + long[:244]},
		{[]string{"signed", "joined-lines"}, "a", "aSent from the service console"},
		{[]string{"cut-255", "moderated"}, long, "This message was hidden by a moderator."},
		{[]string{"moderated", "blanked"}, long, ""},
		{[]string{"cut-255", "trimmed"}, strings.Repeat(" ", 10) + long, long[:245]},
	} {
		for range 2 {
			s := service(Options{Faults: faults(t, c.kinds...)})
			submit(t, s, c.text)
			if got := contents(listOf(t, s))[0]; got != c.want {
				t.Errorf("%v of %q: got %q, want %q", c.kinds, c.text, got, c.want)
			}
			slices.Reverse(c.kinds)
		}
	}
}

func TestShowOption(t *testing.T) {
	for _, seededToo := range []bool{false, true} {
		s := service(Options{Faults: faults(t, "trimmed", kindPlaceholder+"@1"), ChangeSeeded: seededToo,
			Show: func(content string) string { return " " + strings.ToUpper(content) + " " }})
		s.AddMessage("case-123", Message{Content: "seeded"})
		submit(t, s, " sent ")
		seeded := map[bool]string{false: "seeded", true: " SEEDED "}[seededToo]
		for i, want := range []string{" … ", " SENT "} {
			if got := contents(listOf(t, s)); !slices.Equal(got, []string{seeded, want}) {
				t.Errorf("list %d: got %q", i, got)
			}
		}
		if got := contents(detailOf(t, s)); !slices.Equal(got, []string{seeded, " SENT "}) {
			t.Errorf("detail: got %q", got)
		}
	}
}

func TestPlaceholder(t *testing.T) {
	for text, delay := range map[string]time.Duration{kindPlaceholder: 5 * time.Second, kindPlaceholder + "?delay=1m": time.Minute} {
		now := epoch
		s := service(Options{Clock: func() time.Time { return now }, Faults: faults(t, text), ChangeSeeded: true})
		s.AddMessage("case-123", Message{Content: "seeded"})
		submit(t, s, "sent")
		for after, want := range map[time.Duration]string{0: "…", delay - 1: "…", delay: "sent"} {
			now = epoch.Add(after)
			if got := contents(listOf(t, s)); !slices.Equal(got, []string{"seeded", want}) {
				t.Errorf("%s, after %v: got %q", text, after, got)
			}
		}
	}
}

// The time is 2026-01-02T03:04:05Z.
func TestTimeConditions(t *testing.T) {
	for _, c := range []struct {
		faults []string
		want   string
	}{
		{[]string{"time-offset"}, "2026-01-02T03:14:05Z"},
		{[]string{"time-offset?skew=-4h"}, "2026-01-01T23:04:05Z"},
		{[]string{"coarse-times"}, "2026-01-02T03:04:00Z"},
		{[]string{"mislabelled-times"}, "2026-01-02T03:04:05+08:00"},
		{[]string{"coarse-times", "time-offset?skew=59s"}, "2026-01-02T03:05:00Z"},
		{[]string{"mislabelled-times", "coarse-times", "time-offset?skew=1h"}, "2026-01-02T04:04:00+08:00"},
		{[]string{"zoneless-times?op=list", "zoneless-times?op=detail", "coarse-times", "mislabelled-times"}, "2026-01-02 11:04:00"},
		{[]string{"unreadable-times?op=list", "unreadable-times?op=detail", "mislabelled-times"}, "just now"},
	} {
		s := service(Options{Faults: faults(t, c.faults...)})
		s.AddMessage("case-123", Message{Content: "seeded"})
		submit(t, s, "sent")
		for name, shown := range map[string][]any{"list": listOf(t, s), "detail": detailOf(t, s)} {
			for _, m := range shown {
				if got := m.(map[string]any)["create_time"]; got != c.want {
					t.Errorf("%v, %s: got %v, want %s", c.faults, name, got, c.want)
				}
			}
		}
		if got := ask(t, s, "GET", "/v2/servicerequest/cases/case-123/messages", "").Header().Get("Date"); got != "Fri, 02 Jan 2026 03:04:05 GMT" {
			t.Errorf("%v: Date %s", c.faults, got)
		}
		if m := s.Messages("case-123")[1]; !m.CreateTime.Equal(epoch) {
			t.Errorf("%v changed the ticket: %s", c.faults, m.CreateTime)
		}
	}
}

// messageTests has every condition on single messages, and what it shows of a
// submitted message with an attachment: type, replier_type and accessory_list.
var messageTests = map[string]string{
	"wrong-type":           "1 1 [id:id]",
	"third-party":          "2 2 [id:id]",
	"attachment-added":     "0 0 [id:id accessory-added:added.txt]",
	"attachment-anonymous": "0 0 [:id]",
}

func TestMessageConditions(t *testing.T) {
	describe := func(m any) string {
		o := m.(map[string]any)
		list := []string{}
		for _, a := range o["accessory_list"].([]any) {
			a := a.(map[string]any)
			list = append(list, fmt.Sprint(a["accessory_id"], ":", a["file_actual_name"]))
		}
		return fmt.Sprint(o["type"], " ", o["replier_type"], " ", list)
	}
	check := func(want string, kinds ...string) {
		t.Helper()
		s := service(Options{Faults: faults(t, kinds...)})
		s.AddMessage("case-123", Message{Content: "seeded", AccessoryIDs: []string{"id"}})
		submit(t, s, "sent", "id")
		list := listOf(t, s)
		if got := []string{describe(list[0]), describe(list[1])}; !slices.Equal(got, []string{"0 0 [id:id]", want}) {
			t.Errorf("%v: got %q, want %q", kinds, got, want)
		}
		if got := describe(detailOf(t, s)[1]); got != "0 0 [id:id]" {
			t.Errorf("%v: in the detail %q", kinds, got)
		}
	}
	for _, k := range faultKinds {
		if k.message != nil {
			check(messageTests[k.Name], k.Name)
		}
	}
	check("2 2 [:id :added.txt]", "attachment-anonymous", "attachment-added", "third-party", "wrong-type")
}
