package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// If the ticket cannot be read, the error says so, and its advice works: look, then import the message or apply again.
// With a key nothing is sent as long as the ticket cannot be searched.
func TestUnconfirmedAndItsAdvice(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Faults: []simulator.Fault{{Kind: "lost-answer", Times: 1}, {Kind: "403", Operation: simulator.OpList}}})
	m := newProtocol(t, f).manage(t, caseMessageType)
	wantOne(t, m.apply(message()), "error", "Case message may or may not be on the ticket", "has no permission to read the ticket's messages",
		"If the message is there, import it", "If it is not, apply again.")
	wantOne(t, m.apply(message(deployKey)), "error", `Nothing was sent: ticket TT201801020526 could not be searched for the idempotency_key "deploy 4711"`, "no permission for this call")

	f.SetFaults()
	wantNoDiagnostics(t, m.importID(testCase+"/"+f.Messages(testCase)[0].ID))
	wantNoDiagnostics(t, m.apply(message()))
	f.wantContents(t, "Release 1.4.0 is live.")
	f.wantSubmits(t, 1)
}

// The key is searched for before a message is posted. Whoever has posted one that
// begins with it, it is this message.
func TestKeyAdoptsTheMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{Show: func(_ string, m *simulator.WireMessage) {
		if strings.Contains(m.Content, "4711") {
			m.CreateTime = "just now"
		}
	}})
	f.AddMessage(testCase, simulator.Message{Content: deployedText})
	m := newProtocol(t, f).manage(t, caseMessageType)
	wantOne(t, m.apply(message(deployKey)), "warning at idempotency_key", "The ticket already has this message")
	id := m.get("id")
	for range 2 {
		if m.get("id") != id || m.get("confirmed_by") != "existing" || m.get("submitted_at") != nil { // its time cannot be read, now or later
			t.Errorf("the state is %s", m.state)
		}
		wantNoDiagnostics(t, m.apply(message(deployKey, object{"timeouts": object{"create": "1m"}})))
	}
	f.wantPosts(t, 0, 1)
	f.AddMessage(testCase, simulator.Message{Content: deployedText})
	wantOne(t, newProtocol(t, f).manage(t, caseMessageType).apply(message(deployKey)), "warning at idempotency_key",
		`Nothing was sent: ticket TT201801020526 already has this message, with the idempotency_key "deploy 4711". The ticket has 2 messages with this key and text.`)
}

// A replacement with an unchanged key posts nothing, and the plan says so.
func TestUnchangedKeyWarnsAtPlan(t *testing.T) {
	t.Parallel()
	const (
		same    = "The text stays the same, so nothing will be sent."
		changed = "The text changes, so the apply will be refused."
		either  = "If the text stays the same, nothing will be sent. If it changes, the apply will be refused."
	)
	plain, keyed := message(), message(deployKey)
	secret := object{"case_id": testCase, "content_wo": "a", "content_wo_version": 1, "idempotency_key": "deploy 4711"}
	triggers := object{"triggers": object{"a": "1"}}
	for _, row := range []struct {
		name         string
		first, later object
		want         string // empty: no warning
	}{
		{"triggers", keyed, triggers, same},
		{"typography", keyed, object{"content": " Release 1.4.0 is\nlive．"}, same},
		{"text", keyed, object{"content": "Release 1.4.1 is live."}, changed},
		{"unknown text", keyed, object{"content": tftypes.UnknownValue}, either},
		{"write-only text", secret, object{"content_wo_version": 2}, either},
		{"write-only text, triggers", secret, triggers, same},
		{"another key", keyed, object{"idempotency_key": "deploy 4712"}, ""},
		{"another ticket", keyed, object{"case_id": "case-2"}, ""},
		{"no key", plain, triggers, ""},
		{"in place", keyed, object{"timeouts": object{"create": "1m"}}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, simulator.Options{})
			f.AddCase(simulator.Case{ID: "case-2"})
			m := newProtocol(t, f).manage(t, caseMessageType)
			wantNoDiagnostics(t, m.apply(row.first))
			c := m.plan(merged(row.first, row.later))
			if row.want == "" {
				wantNoDiagnostics(t, c.diagnostics)
				return
			}
			wantOne(t, c.diagnostics, "warning at idempotency_key", "The idempotency_key stays the same",
				`Ticket TT201801020526 already has a message with the idempotency_key "deploy 4711".`, row.want)
			if row.want != either { // the apply does what the plan has said
				wantValue(t, "that the apply is refused", failed(m.applyChange(c)), row.want == changed)
			}
			f.wantSubmits(t, 1)
		})
	}
}

// Two runs that search in the same seconds both post. The one that ends last says so.
func TestKeyIsNoLock(t *testing.T) {
	t.Parallel()
	var f *fixture
	f = newFixture(t, simulator.Options{Observe: func(r simulator.Request) {
		if r.Operation == simulator.OpSubmit {
			f.AddMessage(testCase, simulator.Message{Content: deployedText}) // the other run's
		}
	}})
	wantOne(t, newProtocol(t, f).manage(t, caseMessageType).apply(message(deployKey)), "warning", "The ticket has this message more than once",
		`Ticket TT201801020526 has 2 messages with the idempotency_key "deploy 4711" and the same text.`,
		"An idempotency_key is not a lock", "let the pipeline run one deployment at a time")
	f.wantPosts(t, 1, 2)
}
