package provider

import (
	"iter"
	"regexp"
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
	planned := must(p.PlanAction(t.Context(), &tfprotov6.PlanActionRequest{ActionType: caseMessageType, Config: config}))
	wantNoDiagnostics(t, planned.Diagnostics)
	stream := must(p.InvokeAction(t.Context(), &tfprotov6.InvokeActionRequest{ActionType: caseMessageType, Config: config}))
	return stream.Events
}

// An action sends what its configuration says. The progress says what it does and what it
// waits for: while the ticket is listed, and before another POST.
func TestActionReportsItsProgress(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{
		{Kind: "429", Operation: simulator.OpList, Ordinals: []int{1}},
		{Kind: "429", RetryAfter: "7", Ordinals: []int{1}}, {Kind: "lost-answer", Ordinals: []int{2}},
	}})
	progress, diagnostics := newProtocol(t, f).invoke(t, object{
		"case_id": testCase, "content": "Deployed v1", "accessory_ids": []any{"b2", "a1"}, "group_id": "g-1", "timeouts": object{"invoke": "1m"},
	})
	wantNoDiagnostics(t, diagnostics)
	f.wantContents(t, "Deployed v1")
	const body = `{"group_id":"g-1","message":{"content":"Deployed v1","accessory_ids":["b2","a1"]}}`
	wantValue(t, "the bodies", f.bodies(simulator.OpSubmit), []string{body, body})
	want := []string{
		`^Waiting \S+ for the service: throttled$`, `^Submitting the message \(attempt 1\)$`, `^Retrying in 7\S+: throttled$`, `^Submitting the message \(attempt 2\)$`,
		"^Checking the", "^The message is on the ticket$", "^Confirmed by: check$",
	}
	if !slices.EqualFunc(progress, want, func(text, pattern string) bool { return regexp.MustCompile(pattern).MatchString(text) }) {
		t.Errorf("progress %q\nwant %q", progress, want)
	}
}

// A warning of the receipt is also a line of the progress.
func TestActionWarns(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "cut", Ordinals: []int{1}}}})
	progress, diagnostics := newProtocol(t, f).invoke(t, object{"case_id": testCase, "content": "Deployed v1"})
	wantOne(t, diagnostics, "warning", "Case message was sent again", "The message is on ticket TT201801020526. It was sent again: ", "(no answer)")
	if !slices.Contains(progress, diagnostics[0].Detail) {
		t.Errorf("progress %q has no line with the warning", progress)
	}
	f.wantContents(t, "Deployed v1")
	f.wantSubmits(t, 2)
}

// Terraform closes the stream of an action as soon as the provider has stopped. The
// outcome of the message must be reported before.
func TestActionEndsBeforeTheProviderStops(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "slow"}}})
	p := newProtocol(t, f)
	var received []tfprotov6.InvokeActionEvent
	var mu sync.Mutex
	events := p.events(t, object{"case_id": testCase, "content": "Deployed v1"})
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
	wantAll(t, end.Diagnostics[0].Detail, "cancelled; a check of the ticket did not find the message", "Run terraform plan to see what is left to do.")
	_, late := p.invoke(t, object{"case_id": testCase, "content": "Deployed v2"}) // it was just starting
	wantOne(t, late, "error", "cancel")
}

// Terraform validates before it knows the variables, and not again: the invocation
// validates once more.
func TestActionRefusesBadInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	for _, row := range []struct {
		at  string
		set object
	}{
		{"case_id", object{"case_id": ".."}},
		{"content", object{"content": strings.Repeat("ü", servicerequest.MaxContent+1)}},
		{"content", object{"content": strings.Repeat("x", servicerequest.MaxContent), "idempotency_key": "run 4712"}},
		{"group_id", object{"group_id": ""}},
		{"idempotency_key", object{"idempotency_key": "[run 4712]"}},
		{"accessory_ids", object{"accessory_ids": []any{"a", "a"}}},
		{"timeouts.invoke", object{"timeouts": object{"invoke": "soon"}}},
	} {
		values := message(row.set)
		response := must(p.ValidateActionConfig(t.Context(), &tfprotov6.ValidateActionConfigRequest{
			ActionType: caseMessageType, Config: dynamic(t, p.schemas.ActionSchemas[caseMessageType].Schema, values),
		}))
		wantOne(t, response.Diagnostics, "error at "+row.at)
		_, diagnostics := p.invoke(t, values)
		outer, _, _ := strings.Cut(row.at, ".")
		wantOne(t, diagnostics, "error at "+outer)
	}
	for _, attribute := range []string{"case_id", "content"} { // what was unknown may turn out to be null
		_, diagnostics := p.invoke(t, message(object{attribute: nil}))
		wantOne(t, diagnostics, "error at "+attribute)
	}
	f.wantPosts(t, 0, 0)
}
