package provider

import (
	"html"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// newSiteCheck is a CLI in a copy of the guide's files, which check a site with one message
// on a ticket.
func newSiteCheck(t *testing.T, caseID, run string, env ...string) *cli {
	t.Helper()
	needCLI(t, 7, 8, "override_data")
	c := newCLI(t, nil, append(env, "TF_VAR_case_id="+caseID, "TF_VAR_run="+run)...)
	copyTree(t, guides+"check-your-site", c.dir)
	return c
}

// unfolded undoes the line breaks that the CLI puts into diagnostics.
func unfolded(output string) string { return strings.Join(strings.Fields(output), " ") }

// The guide's check says how a site differs from the simulator. It fails only where the key
// does not find the message.
func TestGuideToSiteCheck(t *testing.T) {
	t.Parallel()
	text := func(change func(string) string) func(string, *simulator.WireMessage) {
		return func(_ string, m *simulator.WireMessage) { m.Content = change(m.Content) }
	}
	createTime := func(layout string) func(string, *simulator.WireMessage) {
		return func(_ string, m *simulator.WireMessage) {
			at, _ := time.Parse(time.RFC3339, m.CreateTime)
			m.CreateTime = at.In(time.FixedZone("", 8*60*60)).Format(layout)
		}
	}
	const secondCopy, found, notFound = "The key did not find the message. The ticket now has a second copy.", "1 passed, 0 failed", "0 passed, 1 failed"
	for name, row := range map[string]struct {
		options simulator.Options
		seeded  []simulator.Message // besides the first message, which is a day old
		apply   []string            // what it says, in order
		test    []string
		posts   int // after both
	}{
		"as documented": {apply: []string{
			"Warning: Unable to read case", "HTTP 200 OK, OSM.01010015",
			"posted: 2", "Z, confirmed by response", "copies: 1 listed at 2", "order: oldest first", "time: \"2", "Z\", read as 2", "author: customer", "message ID: known", "text: same EOT",
		}, test: []string{"Nothing was sent: ticket", found}, posts: 1},
		"newest first": {options: simulator.Options{NewestFirst: true},
			apply: []string{"copies: 1 listed", "order: newest first", "text: same EOT"}, test: []string{found}, posts: 1},
		"in any order": {seeded: []simulator.Message{{Content: "It is slow again", CreateTime: time.Now().Add(-48 * time.Hour)}},
			apply: []string{"copies: 1 listed", "order: mixed", "text: same EOT"}, test: []string{found}, posts: 1},
		"escaped": {options: simulator.Options{Show: text(html.EscapeString)},
			apply: []string{"text: escaped sent:", `"[site check 4711] Please`, `<b>bold</b> & \"double\"`, "shown:", `&lt;b&gt;bold&lt;/b&gt; &amp; &#34;double&#34;`},
			test:  []string{found}, posts: 1},
		"wrapped": {options: simulator.Options{Show: text(func(s string) string { return "<p>" + strings.ReplaceAll(s, "\n", "<br>") + "</p>" })},
			apply: []string{"text: wrapped sent:", `shown: "<p>[site check 4711] Please`}, test: []string{found}, posts: 1},
		"wrapped and escaped": {options: simulator.Options{Show: text(func(s string) string { return "<p>" + html.EscapeString(s) + "</p>" })},
			apply: []string{"text: wrapped, escaped sent:"}, test: []string{found}, posts: 1},
		"trimmed": {options: simulator.Options{Show: text(strings.TrimSpace)},
			apply: []string{"text: other white space sent:", `shown: "[site check 4711]`, `The end."`}, test: []string{found}, posts: 1},
		"cut": {options: simulator.Options{Show: text(func(s string) string { return string([]rune(s)[:min(400, len([]rune(s)))]) })},
			apply: []string{"text: cut to 400 characters sent:"}, test: []string{found}, posts: 1},
		"stripped": {options: simulator.Options{Show: text(func(s string) string { return strings.NewReplacer("<b>", "", "</b>", "").Replace(s) })},
			apply: []string{"text: stripped of markup sent:"}, test: []string{notFound, "Nothing was sent: ticket", "a different text"}, posts: 1},
		"without emoji": {options: simulator.Options{Show: text(func(s string) string { return strings.ReplaceAll(s, "😀", "?") })},
			apply: []string{"text: changed sent:", "1 < 2 😀", "shown:", "1 < 2 ?"}, test: []string{notFound, "Nothing was sent: ticket"}, posts: 1},
		"another text": {options: simulator.Options{Show: text(func(string) string { return "Under review" })},
			apply: []string{"copies: 0 listed", "text: changed sent:", `shown: "Under review"`}, test: []string{notFound, secondCopy}, posts: 2},
		"time without a zone": {options: simulator.Options{Show: createTime("2006-01-02 15:04:05")},
			apply: []string{"time: \"2", `", read as 2`}, test: []string{found}, posts: 1},
		"time in words": {options: simulator.Options{Show: createTime("2 January 2006")},
			apply: []string{"time: \"", `", cannot be read`}, test: []string{found}, posts: 1},
		"the ticket may not be listed": {options: simulator.Options{Faults: []simulator.Fault{{Kind: "403", Operation: simulator.OpList}}},
			apply: []string{"Error: Unable to submit case message", "Nothing was sent: ticket", "HTTP 403"}, test: []string{notFound}},
		"the ticket may not be read": {options: simulator.Options{Faults: []simulator.Fault{{Kind: "403", Operation: simulator.OpDetail}}},
			apply: []string{"Error: Unable to read case messages", "HTTP 403 Forbidden, OSM.0003"}, test: []string{found}, posts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, row.options)
			f.AddMessage(testCase, simulator.Message{Content: "Checkout is slow", CreateTime: time.Now().Add(-24 * time.Hour)})
			for _, m := range row.seeded {
				f.AddMessage(testCase, m)
			}
			c := newSiteCheck(t, testCase, "4711", f.env()...)
			wantInOrder(t, unfolded(c.try("apply", "-auto-approve").output()), row.apply...)
			wantAll(t, unfolded(c.try("test").output()), row.test...)
			f.wantSubmits(t, row.posts)
		})
	}
}

// Where the list shows a message late, the user applies again before the test.
func TestGuideToSiteCheckListsLate(t *testing.T) {
	t.Parallel()
	var listed atomic.Bool
	f := newFixture(t, simulator.Options{Show: func(_ string, m *simulator.WireMessage) {
		if !listed.Load() {
			m.Content = "Under review"
		}
	}})
	c := newSiteCheck(t, testCase, "4711", f.env()...)
	wantAll(t, c.run("apply", "-auto-approve").stdout, "copies:     0 listed at ")
	listed.Store(true)
	wantAll(t, c.run("apply", "-auto-approve").stdout, "copies:     1 listed at ", "text:       same")
	c.run("test")
	f.wantSubmits(t, 1)
}

// TestAccSite is the same check of the real service. It posts one message. make testacc runs it.
func TestAccSite(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("it posts a message on a real ticket: set TF_ACC=1, SERVICEREQUEST_TEST_CASE_ID, SERVICEREQUEST_ENDPOINT and credentials")
	}
	caseID := os.Getenv("SERVICEREQUEST_TEST_CASE_ID")
	if caseID == "" || !strings.Contains(strings.Join(userSettings, " "), "SERVICEREQUEST_ENDPOINT=") {
		t.Fatal("set SERVICEREQUEST_TEST_CASE_ID, SERVICEREQUEST_ENDPOINT and credentials: it posts a message on a real ticket")
	}
	c := newSiteCheck(t, caseID, strconv.FormatInt(time.Now().Unix(), 10), userSettings...)
	t.Log(c.try("apply", "-auto-approve").output()) // an error is a result, too
	t.Log(c.run("test").output())
}
