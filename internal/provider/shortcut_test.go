package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	ctymsgpack "github.com/zclconf/go-cty/cty/msgpack"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// shortcuts is one provider, asked with and without its shortcuts. Answers are
// compared as Terraform decodes them.
type shortcuts struct {
	with     protocol
	without  framework
	version  int64 // of the schema
	state    cty.Type
	identity cty.Type
}

func newShortcuts(t testing.TB, f *fixture) shortcuts {
	t.Helper()
	p := newProtocol(t, f)
	identities := must(p.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{}))
	schema := p.schemas.ResourceSchemas[caseMessageType]
	s := shortcuts{with: p, without: p.framework.(*server).framework, version: schema.Version} //nolint:forcetypeassert // newServer makes one
	s.state = ctyType(schema.ValueType())
	s.identity = ctyType(identities.IdentitySchemas[caseMessageType].ValueType())
	return s
}

func ctyType(typ tftypes.Type) cty.Type {
	return must(ctyjson.UnmarshalType(must(typ.MarshalJSON()))) //nolint:staticcheck // the only way to write a type down
}

// decoded is a value as Terraform decodes it.
func decoded(d *tfprotov6.DynamicValue, typ cty.Type) string {
	if d == nil {
		return "nothing"
	}
	decode, b := ctymsgpack.Unmarshal, d.MsgPack
	if len(b) == 0 {
		decode, b = ctyjson.Unmarshal, d.JSON
	}
	v, err := decode(b, typ)
	if err != nil {
		return "error: " + err.Error()
	}
	return v.GoString()
}

// answer is what Terraform sees of an answer: values decoded, everything else as
// it is.
func (s shortcuts) answer(t testing.TB, resp any, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	v := reflect.ValueOf(resp).Elem()
	for i := range v.NumField() {
		field := v.Field(i).Interface()
		switch value := field.(type) {
		case *tfprotov6.DynamicValue:
			field = decoded(value, s.state)
		case *tfprotov6.ResourceIdentityData:
			field = "nothing"
			if value != nil {
				field = decoded(value.IdentityData, s.identity)
			}
		case []*tfprotov6.Diagnostic:
			var all []tfprotov6.Diagnostic
			for _, d := range value {
				all = append(all, *d)
			}
			field = all
		}
		fmt.Fprintf(&b, "%s: %+v\n", v.Type().Field(i).Name, field)
	}
	return b.String()
}

// same makes a call with and without the shortcut, and fails unless Terraform sees the
// same answer.
func same[Q, A any](t testing.TB, s shortcuts, call func(framework, context.Context, *Q) (*A, error), req *Q) *A {
	t.Helper()
	with, err := call(s.with, t.Context(), req)
	got := s.answer(t, with, err)
	without, err := call(s.without, t.Context(), req)
	if want := s.answer(t, without, err); got != want {
		t.Fatalf("%+v\n%s\nwithout the shortcut:\n%s", *req, got, want)
	}
	return with
}

func (s shortcuts) upgrade(t testing.TB, version int64, raw []byte) (short bool) {
	t.Helper()
	with := same(t, s, framework.UpgradeResourceState, &tfprotov6.UpgradeResourceStateRequest{
		TypeName: caseMessageType, Version: version, RawState: &tfprotov6.RawState{JSON: raw},
	})
	return with.UpgradedState != nil && bytes.Equal(with.UpgradedState.JSON, raw)
}

func (s shortcuts) read(t testing.TB, req *tfprotov6.ReadResourceRequest) (resp *tfprotov6.ReadResourceResponse, short bool) {
	t.Helper()
	with := same(t, s, framework.ReadResource, req)
	return with, with.NewState == req.CurrentState
}

// draw makes values for the attributes of a message.
type draw struct{ *rand.Rand }

func (d draw) oneOf(values ...any) any { return values[d.IntN(len(values))] }

func (d draw) text() any {
	return d.oneOf("", "a", "[deploy 4711] Release 1.4.0 is live.", "e\u0301 and \u00e9", "¬confirmed_by", "<b>&amp;</b>\r\n\t", "\u2028\U0001f680",
		strings.Repeat("Some words. ", 1+d.IntN(30)))
}

func (d draw) maybe(value any) any { return d.oneOf(nil, value, value) }

// state is a message as a state has it: created, or imported.
func (d draw) state() map[string]any {
	v := map[string]any{
		"case_id": "TT201801020526", "content": d.maybe(d.text()), "content_wo": nil, "content_wo_version": d.maybe(d.oneOf(0, 1, -7, 1<<53)),
		"accessory_ids": d.oneOf(nil, nil, []any{}, []any{"a"}, []any{"b", "a"}),
		"group_id":      d.oneOf(nil, nil, "123456"), "idempotency_key": d.oneOf(nil, nil, "[deploy 4711]"),
		"triggers":     d.oneOf(nil, nil, map[string]any{}, map[string]any{"release": "1.4.0", "¬confirmed_by": "response"}),
		"timeouts":     d.oneOf(nil, nil, map[string]any{"create": nil}, map[string]any{"create": "10m"}),
		"submitted_at": d.maybe("2026-01-02T03:04:05Z"), "confirmed_by": d.oneOf("response", "response", "check", "existing", "import", nil),
	}
	v["id"] = "TT201801020526/" + fmt.Sprint(d.oneOf("8a2ef6a5-2b1b-4e4f-9f0e-1d2c3b4a5968", "77"))
	return v
}

// wrong is something that no Terraform writes, in a state or an object of it.
func (d draw) wrong(v map[string]any) {
	names := []string{"case_id", "id", "content", "content_wo_version", "accessory_ids", "triggers", "timeouts", "confirmed_by", "group_id"}
	name := names[d.IntN(len(names))]
	switch d.IntN(6) {
	case 0:
		delete(v, name)
	case 1:
		v[d.oneOf("case", "Case_ID", "", "content ").(string)] = d.oneOf(nil, "x", 1) //nolint:forcetypeassert // all are strings
	case 2:
		v[name] = d.oneOf(1, 1e3, -0.5, true, "5", []any{}, []any{1, nil, true}, map[string]any{}, map[string]any{"create": 5}, map[string]any{"x": nil})
	case 3:
		v["timeouts"] = map[string]any{"create": "1m", "delete": "2m"}
	case 4:
		v["accessory_ids"] = []any{nil, "a"}
	case 5:
		v[name] = nil
	}
}

// dynamic is a value as Terraform encodes it.
func (s shortcuts) dynamic(v any) *tfprotov6.DynamicValue {
	value := must(ctyjson.Unmarshal(must(json.Marshal(v)), s.state))
	return &tfprotov6.DynamicValue{MsgPack: must(ctymsgpack.Marshal(value, s.state))}
}

// TestShortcuts draws states, configurations and imports. Terraform must not be
// able to tell an answer with a shortcut from one without.
func TestShortcuts(t *testing.T) {
	const cases = 200
	f := newFixture(t, simulator.Options{})
	f.AddMessage(testCase, simulator.Message{Content: "An earlier message"})
	s := newShortcuts(t, f)
	d := draw{rand.New(rand.NewPCG(1, 2))}
	imported := must(s.with.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: caseMessageType, ID: testCase + "/" + f.Messages(testCase)[0].ID,
	}))
	wantNoDiagnostics(t, imported.Diagnostics)
	if _, short := s.read(t, &tfprotov6.ReadResourceRequest{
		TypeName: caseMessageType, CurrentState: imported.ImportedResources[0].State,
		Private: imported.ImportedResources[0].Private, CurrentIdentity: imported.ImportedResources[0].Identity,
	}); short {
		t.Error("the read that follows an import was not left to the framework")
	}

	for _, raw := range []string{"", "null", "{}", `{"case_id":"a","case_id":"b"}`, `{"content":1e3}`, `{"content":"` + "\xff" + `"}`, "{} {}", `{"content_wo_version":1e400}`} {
		s.upgrade(t, s.version, []byte(raw))
	}

	upgrades, reads, plans, destroys := 0, 0, 0, 0
	count := func(n *int, short bool) {
		if short {
			*n++
		}
	}
	for range cases {
		values := d.state()
		raw := d.state()
		for range d.IntN(3) {
			d.wrong(raw)
		}
		b := must(json.Marshal(raw))
		count(&upgrades, s.upgrade(t, s.version, b))
		if s.upgrade(t, s.version-1, b) {
			t.Fatalf("a state of another version was handed back: %s", b)
		}

		state := s.dynamic(values)
		read, short := s.read(t, &tfprotov6.ReadResourceRequest{TypeName: caseMessageType, CurrentState: state})
		count(&reads, short)
		identity := read.NewIdentity
		_, short = s.read(t, &tfprotov6.ReadResourceRequest{TypeName: caseMessageType, CurrentState: state, CurrentIdentity: identity})
		count(&reads, short)

		// A configuration that says the same, or something else. Terraform proposes
		// what it says, with the computed attributes of the state.
		proposed := maps.Clone(values)
		for range d.IntN(2) {
			other := d.state()
			name := d.oneOf("content", "triggers", "idempotency_key", "timeouts", "accessory_ids", "group_id", "content_wo_version").(string) //nolint:forcetypeassert // all are strings
			proposed[name] = other[name]
		}
		config := merged(proposed, object{"id": nil, "submitted_at": nil, "confirmed_by": nil})
		if config["content"] == nil {
			config["content_wo"] = d.text()
		}
		req := &tfprotov6.PlanResourceChangeRequest{
			TypeName: caseMessageType, PriorState: state, ProposedNewState: s.dynamic(proposed), Config: s.dynamic(config), PriorIdentity: identity,
		}
		switch d.IntN(8) {
		case 0:
			req.PriorIdentity = nil
		case 1:
			req.ProposedNewState, req.Config = s.dynamic(nil), s.dynamic(nil) // a destroy
		case 2:
			req.PriorState, req.PriorIdentity = s.dynamic(nil), nil // a creation
		}
		count(&plans, same(t, s, framework.PlanResourceChange, req).PlannedState == req.PriorState)
		destroy := &tfprotov6.ApplyResourceChangeRequest{
			TypeName: caseMessageType, PriorState: state, PlannedState: s.dynamic(nil), Config: s.dynamic(nil), PlannedIdentity: identity,
		}
		count(&destroys, same(t, s, framework.ApplyResourceChange, destroy).NewState == destroy.PlannedState)
	}
	t.Logf("handed back: %d of %d states, %d of %d reads, %d of %d plans, %d of %d destroys", upgrades, cases, reads, 2*cases, plans, cases, destroys, cases)
	if upgrades < cases/4 || reads < 2*cases || plans < cases/4 || destroys < cases {
		t.Error("too few answers took the shortcut for the comparison to mean much")
	}
}
