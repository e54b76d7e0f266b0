package provider

import (
	"fmt"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// What may go wrong with a submit. Package servicerequest has the whole
// matrix; here some of it goes through the CLI.
var faultRows = []struct {
	fault       simulator.Fault
	confirmedBy string // of the messages that it struck
}{
	{simulator.Fault{Kind: "lost-answer"}, "readback"},
	{simulator.Fault{Kind: "cut"}, "response"},
	{simulator.Fault{Kind: "503"}, "response"},
	{simulator.Fault{Kind: "429", RetryAfter: "7"}, "response"},
	{simulator.Fault{Kind: "failed-committed"}, "readback"},
	{simulator.Fault{Kind: "html"}, "response"},
	{simulator.Fault{Kind: "slow-committed"}, "readback"},
}

// countConfirmed counts the messages in the state by their confirmed_by.
func countConfirmed(counts map[string]int) resource.TestCheckFunc {
	return func(s *terraform.State) error {
		for _, r := range s.RootModule().Resources {
			counts[r.Primary.Attributes["confirmed_by"]]++
		}
		return nil
	}
}

func TestNoneLostNoneTwice(t *testing.T) {
	t.Parallel()
	for _, row := range faultRows {
		t.Run(row.fault.Kind, func(t *testing.T) {
			t.Parallel()
			fault := row.fault
			fault.Ordinals = []int{1, 2, 5, 9, 12, 13, 17}
			f := newFixture(t, simulator.Options{Faults: []simulator.Fault{fault}})
			timeout := "30s"
			if fault.Kind == "slow-committed" { // it is real time that passes
				timeout = "1s"
			}
			confirmed := map[string]int{}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: f.providers,
				Steps: []resource.TestStep{{
					Config: f.config(`
resource "servicerequest_case_message" "distinct" {
  count   = 12
  case_id = "TT201801020526"
  content = "distinct ${count.index}"
}

resource "servicerequest_case_message" "identical" {
  count   = 8
  case_id = "TT201801020526"
  content = "identical"
}`, `max_retries = 20`, fmt.Sprintf("request_timeout = %q", timeout)),
					Check: countConfirmed(confirmed),
				}},
			})

			var want []string
			for n := range 12 {
				want = append(want, fmt.Sprintf("distinct %d", n))
			}
			for range 8 {
				want = append(want, "identical")
			}
			got := f.contents()
			sort.Strings(got)
			sort.Strings(want)
			if !slices.Equal(got, want) {
				t.Errorf("the ticket has %q", got)
			}
			struck := 0
			for _, r := range f.posts() {
				if r.Fault != "" {
					struck++
				}
			}
			if struck != len(fault.Ordinals) {
				t.Fatalf("the fault struck %d times", struck)
			}
			readback := 0
			if row.confirmedBy == "readback" {
				readback = struck
			}
			// Where time is real, a slow machine may need a look for others too.
			if confirmed["readback"] != readback && (fault.Kind != "slow-committed" || confirmed["readback"] < readback) {
				t.Errorf("struck %d times, confirmed by %v", struck, confirmed)
			}
		})
	}
}

// Where the ticket cannot be read, the user is told; and the way out that the
// error names works.
func TestUnconfirmedAndTheWayOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "lost-answer", Times: 1}, {Kind: "list-denied"}}})
	message := func(more string) string {
		return f.config(fmt.Sprintf(`
resource "servicerequest_case_message" "test" {
  case_id = "TT201801020526"
  content = "a message of many words"
  %s
}`, more))
	}
	confirmed := map[string]int{}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: message(""),
				ExpectError: words("Case message may or may not be on the ticket", "The message may be on the ticket.", "ticket:      TT201801020526",
					"content:     a message of many words", "HTTP 403 Forbidden, OSM.0003",
					"Let the credentials read the ticket's messages, set deduplicate_window to more than the time since then"),
			},
			{
				// As long as reading is denied, nothing is sent either.
				Config:      message(`deduplicate_window = "1h"`),
				ExpectError: words("could not be searched", "A message of an earlier run may be on the ticket", "before you apply without deduplicate_window"),
			},
			{
				PreConfig: func() { f.SetFaults() },
				Config:    message(`deduplicate_window = "1h"`),
				Check:     countConfirmed(confirmed),
			},
		},
	})
	if got := f.contents(); len(got) != 1 || confirmed["existing"] != 1 {
		t.Errorf("the ticket has %q, confirmed by %v", got, confirmed)
	}
	if got := f.Count(simulator.OpSubmit); got != 1 {
		t.Errorf("%d submits", got)
	}
}

// The adopted message keeps the time at which it was created.
func TestDeduplicateWindow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	now := f.clock.Now()
	f.AddMessage(testCase, simulator.Message{Content: "recent", CreateTime: now.Add(-50 * time.Minute)})
	f.AddMessage(testCase, simulator.Message{Content: "old", CreateTime: now.Add(-70 * time.Minute)})
	f.AddMessage(testCase, simulator.Message{Content: "an engineer's", Type: 1, ReplierType: 1, CreateTime: now.Add(-time.Minute)})
	at := now.Add(-50 * time.Minute).UTC().Format(time.RFC3339)
	message := func(name, content string) string {
		return fmt.Sprintf("resource \"servicerequest_case_message\" %q {\n case_id = \"TT201801020526\"\n content = %q\n deduplicate_window = \"1h\"\n}\n", name, content)
	}
	const address = "servicerequest_case_message."
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{{
			Config: f.config(message("recent", "recent") + message("again", "recent") + message("old", "old") + message("engineer", "an engineer's") +
				message("one", "side by side") + message("two", "side by side")),
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr(address+"recent", "confirmed_by", "existing"),
				resource.TestCheckResourceAttr(address+"recent", "submitted_at", at),
				resource.TestCheckResourceAttr(address+"again", "confirmed_by", "existing"),
				resource.TestCheckResourceAttr(address+"old", "confirmed_by", "response"),
				resource.TestCheckResourceAttr(address+"engineer", "confirmed_by", "response"),
			),
		}},
	})
	got := f.contents()
	sort.Strings(got)
	if want := []string{"an engineer's", "an engineer's", "old", "old", "recent", "side by side"}; !slices.Equal(got, want) {
		t.Errorf("the ticket has %q", got)
	}
}

// The time for a create ends waits and answers that do not come.
func TestCreateTimeout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "429", RetryAfter: "90", Times: 1}, {Kind: "slow-committed"}}})
	message := func(create string) string {
		return f.config(fmt.Sprintf(`
resource "servicerequest_case_message" "test" {
  case_id  = "TT201801020526"
  content  = "hello"
  timeouts = { create = %q }
}`, create))
	}
	confirmed := map[string]int{}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			// It does not wait for what would be too late.
			{Config: message("1m"), ExpectError: words("HTTP 429 Too Many Requests", "The message is not on the ticket. It is safe to apply again.", "The service is throttling.")},
			{Config: message("500ms"), Check: countConfirmed(confirmed)},
		},
	})
	if got := f.contents(); len(got) != 1 || confirmed["readback"] != 1 || f.Count(simulator.OpSubmit) != 2 {
		t.Errorf("the ticket has %q, confirmed by %v, %d submits", got, confirmed, f.Count(simulator.OpSubmit))
	}
}
