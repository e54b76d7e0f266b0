package provider

import (
	"fmt"
	"slices"
	"sort"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// What may go wrong with a submit. The tests of package servicerequest have the whole
// matrix. Here a part of it runs through the CLI.
var faultRows = []struct {
	fault       simulator.Fault
	confirmedBy string // of the messages that it hit
}{
	{simulator.Fault{Kind: "lost-answer"}, "check"},
	{simulator.Fault{Kind: "cut"}, "response"},
	{simulator.Fault{Kind: "503"}, "response"},
	{simulator.Fault{Kind: "429", RetryAfter: "7"}, "response"},
	{simulator.Fault{Kind: "200", Code: "OSM.01010014", Stored: true}, "check"},
	{simulator.Fault{Kind: "html"}, "response"},
	{simulator.Fault{Kind: "slow", Stored: true}, "check"},
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
			if fault.Kind == "slow" { // it is real time that passes
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
			hits := 0
			for _, r := range f.posts() {
				if r.Fault != "" {
					hits++
				}
			}
			if hits != len(fault.Ordinals) {
				t.Fatalf("the fault hit %d submits", hits)
			}
			checked := 0
			if row.confirmedBy == "check" {
				checked = hits
			}
			// With real time, a slow machine may need a check for other messages, too.
			if confirmed["check"] != checked && (fault.Kind != "slow" || confirmed["check"] < checked) {
				t.Errorf("the fault hit %d submits, confirmed by %v", hits, confirmed)
			}
		})
	}
}

// If the ticket cannot be read, the error says so, and its advice works: look, then import the message or apply again.
// With a key nothing is sent as long as the ticket cannot be searched.
func TestUnconfirmedAndItsAdvice(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "lost-answer", Times: 1}, {Kind: "403", Operation: simulator.OpList}}})
	message := func(more string) string {
		return f.config(fmt.Sprintf(`
resource "servicerequest_case_message" "test" {
  case_id = "TT201801020526"
  content = "a message of many words"
  %s
}`, more))
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: f.providers,
		Steps: []resource.TestStep{
			{
				Config: message(""),
				ExpectError: words("Case message may or may not be on the ticket", "May be on the ticket: ", "ticket: TT201801020526", "text:   23 characters",
					"has no permission to read the ticket's messages", "Check the ticket in the console. If the message is there, import it", "If it is not, apply again.",
					"Give the next message an idempotency_key.", "HTTP 403 Forbidden, OSM.0003"),
			},
			{
				Config:      message(`idempotency_key = "run-4711"`),
				ExpectError: words("Nothing was sent: ticket TT201801020526 could not be searched for the idempotency_key \"run-4711\"", "no permission for this call"),
			},
			{
				PreConfig:          func() { f.SetFaults() },
				Config:             message(""),
				ResourceName:       messageAddress,
				ImportState:        true,
				ImportStateIdFunc:  func(*terraform.State) (string, error) { return testCase + "/" + f.Messages(testCase)[0].ID, nil },
				ImportStatePersist: true,
			},
			{Config: message("")},
		},
	})
	f.wantContents(t, "a message of many words")
	if got := f.Count(simulator.OpSubmit); got != 1 {
		t.Errorf("%d submits", got)
	}
}

// timeouts.create ends a wait and an attempt without an answer.
func TestCreateTimeout(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "429", RetryAfter: "90", Times: 1}, {Kind: "slow", Stored: true}}})
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
			// It does not wait if the wait would end too late.
			{Config: message("1m"), ExpectError: words("Not posted: the service asks to wait 1m30s, but only ", " of timeouts.create remain.", "the service is throttling requests", "It is safe to apply again.", "HTTP 429 Too Many Requests")},
			{Config: message("500ms"), Check: countConfirmed(confirmed)},
		},
	})
	if got := f.contents(); len(got) != 1 || confirmed["check"] != 1 || f.Count(simulator.OpSubmit) != 2 {
		t.Errorf("the ticket has %q, confirmed by %v, %d submits", got, confirmed, f.Count(simulator.OpSubmit))
	}
}
