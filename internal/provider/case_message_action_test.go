package provider

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// invoke runs the action and returns its progress messages and diagnostics.
func (p protocol) invoke(t *testing.T, values map[string]any) (progress []string, diagnostics []*tfprotov6.Diagnostic) {
	t.Helper()
	for event := range p.events(t, values) {
		switch e := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, e.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			diagnostics = e.Diagnostics
		}
	}
	return progress, diagnostics
}

// events plans and starts the action, which runs while its events are read.
func (p protocol) events(t *testing.T, values map[string]any) iter.Seq[tfprotov6.InvokeActionEvent] {
	t.Helper()
	config := dynamic(t, p.schemas.ActionSchemas[caseMessageType].Schema, values)
	planned, err := p.PlanAction(t.Context(), &tfprotov6.PlanActionRequest{ActionType: caseMessageType, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	wantNoDiagnostics(t, planned.Diagnostics)
	stream, err := p.InvokeAction(t.Context(), &tfprotov6.InvokeActionRequest{ActionType: caseMessageType, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return stream.Events
}

func TestActionPostsOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	progress, diagnostics := p.invoke(t, map[string]any{
		"case_id": testCase, "content": "Deployed v1", "accessory_ids": []any{"acc-1"}, "group_id": "g-1",
		"timeouts": map[string]any{"invoke": "1m"},
	})
	wantNoDiagnostics(t, diagnostics)
	f.wantPosts(t, 1, 1)
	if got, want := string(f.posts()[0].Body), `{"group_id":"g-1","message":{"content":"Deployed v1","accessory_ids":["acc-1"]}}`; got != want {
		t.Errorf("body %s\nwant %s", got, want)
	}
	if want := []string{"Submitting the message (attempt 1)", "The message is on the ticket", "Confirmed by: response"}; !slices.Equal(progress, want) {
		t.Errorf("progress %q\nwant %q", progress, want)
	}
}

func TestActionReportsItsProgress(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	f.SetFaults(simulator.Fault{Kind: "429", Ordinals: []int{1}}, simulator.Fault{Kind: "lost-answer", Ordinals: []int{2}})
	progress, diagnostics := p.invoke(t, map[string]any{"case_id": testCase, "content": "Deployed v1"})
	wantNoDiagnostics(t, diagnostics)
	f.wantContents(t, "Deployed v1")
	var kinds []string
	for _, text := range progress {
		kinds = append(kinds, strings.Join(strings.Fields(text)[:2], " "))
	}
	want := []string{"Submitting the", "Retrying in", "Submitting the", "Retrying in", "Checking the", "The message", "Confirmed by:"}
	if !slices.Equal(kinds, want) {
		t.Errorf("progress %q\nwant beginnings %q", progress, want)
	}
}

// A warning of the receipt is also a line of the progress.
func TestActionWarns(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		key     any
		content string
		seeded  bool
		fault   string
		summary string
		want    []string
		posts   int
	}{
		{"existing", "run 4711", "Deployed v1", true, "", "The ticket already has this message", []string{"Nothing was sent: ticket TT201801020526 already has this message", `"run 4711"`}, 0},
		{"sent again", nil, "[run 4711] Deployed v1", false, "cut", "Case message was sent again", []string{"The message is on ticket TT201801020526. It was sent again: ", "(no answer)"}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, simulator.Options{})
			p := newProtocol(t, f)
			if row.seeded {
				f.AddMessage(testCase, simulator.Message{Content: "[run 4711] Deployed v1"})
			}
			if row.fault != "" {
				f.SetFaults(simulator.Fault{Kind: row.fault, Ordinals: []int{1}})
			}
			progress, diagnostics := p.invoke(t, map[string]any{"case_id": testCase, "content": row.content, "idempotency_key": row.key})
			if len(diagnostics) != 1 || diagnostics[0].Severity != tfprotov6.DiagnosticSeverityWarning || diagnostics[0].Summary != row.summary {
				t.Fatalf("diagnostics %v, want one warning", diagnostics)
			}
			wantAll(t, diagnostics[0].Detail, row.want...)
			if !slices.Contains(progress, diagnostics[0].Detail) {
				t.Errorf("progress %q has no line with the warning", progress)
			}
			f.wantContents(t, "[run 4711] Deployed v1")
			if got := f.Count(simulator.OpSubmit); got != row.posts {
				t.Errorf("%d submits, want %d", got, row.posts)
			}
		})
	}
}

func TestActionReportsFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	_, diagnostics := p.invoke(t, map[string]any{"case_id": "no-such-case", "content": "Deployed v1"})
	if len(diagnostics) != 1 || !strings.HasPrefix(diagnostics[0].Detail, "Not posted: there is no such ticket") || !strings.Contains(diagnostics[0].Detail, "OSM.01010015") {
		t.Fatalf("diagnostics %v", diagnostics)
	}
	wantAll(t, diagnostics[0].Detail, "Run terraform plan to see what is left to do.")
	f.wantPosts(t, 1, 1)
}

// Terraform closes the stream of an action as soon as the provider has stopped. The
// outcome of the message must be reported before.
func TestActionEndsBeforeTheProviderStops(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "slow"}}})
	p := newProtocol(t, f)
	var received []tfprotov6.InvokeActionEvent
	var mu sync.Mutex
	events := p.events(t, map[string]any{"case_id": testCase, "content": "Deployed v1"})
	go func() {
		for event := range events {
			mu.Lock()
			received = append(received, event)
			mu.Unlock()
		}
	}()
	eventually(t, "the submit", func() bool { return f.Count(simulator.OpSubmit) == 1 })
	if _, err := p.StopProvider(t.Context(), &tfprotov6.StopProviderRequest{}); err != nil {
		t.Fatal(err)
	}

	mu.Lock()
	defer mu.Unlock()
	// After an interrupt, Terraform would stop at a progress event, before the end.
	if len(received) != 2 {
		t.Fatalf("%d events: %v; want the submit and the end", len(received), received)
	}
	end, ok := received[1].Type.(tfprotov6.CompletedInvokeActionEventType)
	if !ok || len(end.Diagnostics) != 1 || end.Diagnostics[0].Summary != "Case message may or may not be on the ticket" {
		t.Fatalf("the end is %v", received[1])
	}
	wantAll(t, end.Diagnostics[0].Detail, "cancelled; a check of the ticket did not find the message")
}

func TestActionRefusesBadInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	for _, row := range []struct {
		attribute string
		value     any
	}{
		{"case_id", ".."}, {"case_id", "https://console.example.com/TT1"}, {"content", strings.Repeat("ü", servicerequest.MaxContent+1)}, {"content", " "},
		{"group_id", ""}, {"idempotency_key", "[run 4712]"}, {"idempotency_key", "471"},
		{"accessory_ids", []any{"a", "a"}}, {"timeouts", map[string]any{"invoke": "soon"}},
	} {
		attribute := row.attribute
		values := map[string]any{"case_id": testCase, "content": "[run 4711]"}
		values[attribute] = row.value
		response, err := p.ValidateActionConfig(t.Context(), &tfprotov6.ValidateActionConfigRequest{
			ActionType: caseMessageType, Config: dynamic(t, p.schemas.ActionSchemas[caseMessageType].Schema, values),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(response.Diagnostics) != 1 || !strings.Contains(response.Diagnostics[0].Attribute.String(), attribute) {
			t.Errorf("%s: diagnostics %v, want one at the attribute", attribute, response.Diagnostics)
		}
		// Terraform validates before it knows the variables, and not again.
		if _, diagnostics := p.invoke(t, values); len(diagnostics) != 1 {
			t.Errorf("%s: diagnostics %v of the invocation, want one", attribute, diagnostics)
		}
	}
	f.wantPosts(t, 0, 0)
}

// A value that was unknown when Terraform validated may turn out to be null.
func TestActionNeedsItsValues(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	for _, attribute := range []string{"case_id", "content"} {
		values := map[string]any{"case_id": testCase, "content": "x"}
		delete(values, attribute)
		_, diagnostics := p.invoke(t, values)
		if len(diagnostics) != 1 || !strings.Contains(diagnostics[0].Attribute.String(), attribute) {
			t.Errorf("without %s: diagnostics %v", attribute, diagnostics)
		}
	}
	f.wantPosts(t, 0, 0)
}
