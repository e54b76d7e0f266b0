package provider

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// protocol talks to the provider as Terraform does, without starting a process: a CLI
// command costs as much as hundreds of calls.
type protocol struct {
	framework
	schemas *tfprotov6.GetProviderSchemaResponse
}

// newProtocol is a provider that is configured for the service, with more arguments
// if given. A nil argument unsets one.
func newProtocol(t testing.TB, f *fixture, arguments ...map[string]any) protocol {
	t.Helper()
	server, ok := newServer(&serviceRequestProvider{version: "test", clock: f.clock}).(framework)
	if !ok {
		t.Fatal("the provider serves no actions, or no list resources")
	}
	schemas := must(server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{}))
	wantNoDiagnostics(t, schemas.Diagnostics)
	configured := must(server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0",
		Config:           dynamic(t, schemas.Provider, merged(map[string]any{"endpoint": f.URL(), "token": testToken}, arguments...)),
	}))
	wantNoDiagnostics(t, configured.Diagnostics)
	return protocol{server, schemas}
}

func wantNoDiagnostics(t testing.TB, diagnostics []*tfprotov6.Diagnostic) {
	t.Helper()
	for _, d := range diagnostics {
		t.Fatalf("%s: %s: %s", d.Attribute, d.Summary, d.Detail)
	}
}

// dynamic is a configuration for a schema. Attributes that values does not have are
// null.
func dynamic(t testing.TB, schema *tfprotov6.Schema, values map[string]any) *tfprotov6.DynamicValue {
	t.Helper()
	typ := schema.ValueType()
	d := must(tfprotov6.NewDynamicValue(typ, value(t, typ, values)))
	return &d
}

func value(t testing.TB, typ tftypes.Type, v any) tftypes.Value {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if m, ok := typ.(tftypes.Map); ok {
			values := map[string]tftypes.Value{}
			for name, element := range v {
				values[name] = value(t, m.ElementType, element)
			}
			return tftypes.NewValue(typ, values)
		}
		object, ok := typ.(tftypes.Object)
		if !ok {
			t.Fatalf("%s is no object", typ)
		}
		values := map[string]tftypes.Value{}
		for name, attribute := range object.AttributeTypes {
			values[name] = value(t, attribute, v[name])
		}
		for name := range v {
			if _, ok := values[name]; !ok {
				t.Fatalf("the schema has no %s", name)
			}
		}
		return tftypes.NewValue(typ, values)
	case []any: // of strings
		values := []tftypes.Value{}
		for _, s := range v {
			values = append(values, tftypes.NewValue(tftypes.String, s))
		}
		return tftypes.NewValue(typ, values)
	default:
		return tftypes.NewValue(typ, v)
	}
}

// managed is a resource as Terraform manages it, but without a CLI.
type managed struct {
	protocol
	*testing.T
	typeName string
	state    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
}

func (p protocol) manage(t *testing.T, typeName string) *managed {
	t.Helper()
	return &managed{protocol: p, T: t, typeName: typeName, state: tftypes.NewValue(p.schemas.ResourceSchemas[typeName].ValueType(), nil)}
}

// change is what a plan does to a resource.
type change struct {
	action      string // create, update, replace or no-op; empty if the configuration is refused
	prior       tftypes.Value
	config      *tfprotov6.DynamicValue
	planned     *tfprotov6.DynamicValue
	private     []byte
	diagnostics []*tfprotov6.Diagnostic
}

// plan validates a configuration and plans it, as Terraform does.
func (m *managed) plan(config map[string]any) change {
	m.Helper()
	schema := m.schemas.ResourceSchemas[m.typeName]
	c := change{prior: m.state, config: dynamic(m, schema, config)}
	validated := must(m.ValidateResourceConfig(m.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: m.typeName, Config: c.config,
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
	}))
	if c.diagnostics = validated.Diagnostics; failed(c.diagnostics) {
		return c
	}
	response := m.planFrom(&c)
	if failed(c.diagnostics) {
		return c
	}
	switch {
	case c.prior.IsNull():
		c.action = "create"
	case len(response.RequiresReplace) > 0:
		c.action = "replace"
		c.prior = tftypes.NewValue(schema.ValueType(), nil)
		m.planFrom(&c)
	case m.unmarshal(c.planned).Equal(c.prior):
		c.action = "no-op"
	default:
		c.action = "update"
	}
	return c
}

func (m *managed) planFrom(c *change) *tfprotov6.PlanResourceChangeResponse {
	m.Helper()
	proposed := m.dynamic(m.proposed(c.prior, m.unmarshal(c.config)))
	response := must(m.PlanResourceChange(m.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: m.typeName, PriorState: m.dynamic(c.prior), ProposedNewState: proposed, Config: c.config, PriorPrivate: m.private,
	}))
	c.planned, c.private = response.PlannedState, response.PlannedPrivate
	c.diagnostics = append(c.diagnostics, response.Diagnostics...)
	return response
}

// proposed is the configuration with the computed attributes of the state.
func (m *managed) proposed(prior, config tftypes.Value) tftypes.Value {
	m.Helper()
	schema := m.schemas.ResourceSchemas[m.typeName]
	values, state := attributes(m, config), attributes(m, prior)
	for _, a := range schema.Block.Attributes {
		switch {
		case a.WriteOnly:
			values[a.Name] = tftypes.NewValue(a.Type, nil)
		case a.Computed && values[a.Name].IsNull() && prior.IsNull():
			values[a.Name] = tftypes.NewValue(a.Type, tftypes.UnknownValue)
		case a.Computed && values[a.Name].IsNull():
			values[a.Name] = state[a.Name]
		}
	}
	return tftypes.NewValue(schema.ValueType(), values)
}

// applyChange applies a plan, and returns all diagnostics of both.
func (m *managed) applyChange(c change) []*tfprotov6.Diagnostic {
	m.Helper()
	if failed(c.diagnostics) || c.action == "no-op" {
		return c.diagnostics
	}
	response := must(m.ApplyResourceChange(m.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: m.typeName, PriorState: m.dynamic(c.prior), PlannedState: c.planned, Config: c.config, PlannedPrivate: c.private,
	}))
	m.state, m.private, m.identity = m.unmarshal(response.NewState), response.Private, response.NewIdentity
	return append(c.diagnostics, response.Diagnostics...)
}

// apply plans a configuration and applies it.
func (m *managed) apply(config map[string]any) []*tfprotov6.Diagnostic {
	m.Helper()
	return m.applyChange(m.plan(config))
}

// create creates a resource from a configuration, of which the plan knew less, without a
// check of the configuration: Terraform does not check again what was unknown.
func (m *managed) create(planned, config object) []*tfprotov6.Diagnostic {
	m.Helper()
	schema := m.schemas.ResourceSchemas[m.typeName]
	return m.applyChange(change{action: "create", prior: m.state, config: dynamic(m, schema, config), planned: dynamic(m, schema, planned)})
}

func (m *managed) destroy() []*tfprotov6.Diagnostic {
	m.Helper()
	none := tftypes.NewValue(m.schemas.ResourceSchemas[m.typeName].ValueType(), nil)
	return m.applyChange(change{action: "delete", prior: m.state, config: m.dynamic(none), planned: m.dynamic(none)})
}

// importID imports a resource and reads it, as Terraform does.
func (m *managed) importID(id string) []*tfprotov6.Diagnostic {
	m.Helper()
	imported := must(m.ImportResourceState(m.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: m.typeName, ID: id}))
	if failed(imported.Diagnostics) {
		return imported.Diagnostics
	}
	found := imported.ImportedResources[0]
	read := must(m.ReadResource(m.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: m.typeName, CurrentState: found.State, Private: found.Private, CurrentIdentity: found.Identity,
	}))
	m.state, m.private, m.identity = m.unmarshal(read.NewState), read.Private, read.NewIdentity
	return append(imported.Diagnostics, read.Diagnostics...)
}

// get is an attribute of the state; nil is null.
func (m *managed) get(name string) any {
	m.Helper()
	values, _ := plain(m, m.state).(map[string]any)
	return values[name]
}

func (m *managed) dynamic(v tftypes.Value) *tfprotov6.DynamicValue {
	m.Helper()
	d := must(tfprotov6.NewDynamicValue(v.Type(), v))
	return &d
}

func (m *managed) unmarshal(d *tfprotov6.DynamicValue) tftypes.Value {
	m.Helper()
	v := must(d.Unmarshal(m.schemas.ResourceSchemas[m.typeName].ValueType()))
	return v
}

func attributes(t testing.TB, v tftypes.Value) map[string]tftypes.Value {
	t.Helper()
	values := map[string]tftypes.Value{}
	if err := v.As(&values); err != nil {
		t.Fatal(err)
	}
	return values
}

// plain is a value as JSON has it.
func plain(t testing.TB, v tftypes.Value) any {
	t.Helper()
	var (
		text    string
		number  big.Float
		boolean bool
		list    []tftypes.Value
		object  map[string]tftypes.Value
	)
	switch {
	case v.IsNull():
		return nil
	case !v.IsKnown():
		return tftypes.UnknownValue
	case v.As(&text) == nil:
		return text
	case v.As(&boolean) == nil:
		return boolean
	case v.As(&number) == nil:
		f, _ := number.Float64()
		return f
	case v.As(&list) == nil:
		all := []any{}
		for _, element := range list {
			all = append(all, plain(t, element))
		}
		return all
	}
	if err := v.As(&object); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	for name, element := range object {
		all[name] = plain(t, element)
	}
	return all
}

func (p protocol) validateData(t *testing.T, typeName string, config map[string]any) []*tfprotov6.Diagnostic {
	t.Helper()
	validated := must(p.ValidateDataResourceConfig(t.Context(), &tfprotov6.ValidateDataResourceConfigRequest{
		TypeName: typeName, Config: dynamic(t, p.schemas.DataSourceSchemas[typeName], config),
	}))
	return validated.Diagnostics
}

// read reads a data source.
func (p protocol) read(t *testing.T, typeName string, config map[string]any) (map[string]any, []*tfprotov6.Diagnostic) {
	t.Helper()
	if refused := p.validateData(t, typeName, config); failed(refused) {
		return nil, refused
	}
	schema := p.schemas.DataSourceSchemas[typeName]
	c := dynamic(t, schema, config)
	response := must(p.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: typeName, Config: c}))
	if failed(response.Diagnostics) {
		return nil, response.Diagnostics
	}
	state := must(response.State.Unmarshal(schema.ValueType()))
	values, _ := plain(t, state).(map[string]any)
	return values, response.Diagnostics
}

func failed(diagnostics []*tfprotov6.Diagnostic) bool {
	return slices.ContainsFunc(diagnostics, func(d *tfprotov6.Diagnostic) bool { return d.Severity == tfprotov6.DiagnosticSeverityError })
}

// at is the attribute that a diagnostic points at, such as accessory_ids[1].
func at(d *tfprotov6.Diagnostic) string {
	var b strings.Builder
	for i, step := range d.Attribute.Steps() {
		switch s := step.(type) {
		case tftypes.AttributeName:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(s))
		default:
			fmt.Fprintf(&b, "[%v]", s)
		}
	}
	return b.String()
}

// wantOne fails unless there is one diagnostic: "error at content" or, at no
// attribute, "warning", with these parts.
func wantOne(t testing.TB, diagnostics []*tfprotov6.Diagnostic, kind string, parts ...string) {
	t.Helper()
	if len(diagnostics) != 1 {
		t.Errorf("%d diagnostics, want one: %s", len(diagnostics), describe(diagnostics))
		return
	}
	d := diagnostics[0]
	got := map[tfprotov6.DiagnosticSeverity]string{tfprotov6.DiagnosticSeverityError: "error", tfprotov6.DiagnosticSeverityWarning: "warning"}[d.Severity]
	if a := at(d); a != "" {
		got += " at " + a
	}
	if got != kind {
		t.Errorf("%s, want %s", got, kind)
	}
	for _, part := range parts {
		if !strings.Contains(d.Summary+"\n"+d.Detail, part) {
			t.Errorf("%q is missing in:\n%s", part, describe(diagnostics))
		}
	}
}

func describe(diagnostics []*tfprotov6.Diagnostic) string {
	var b strings.Builder
	for _, d := range diagnostics {
		fmt.Fprintf(&b, "%s at %q: %s: %s\n", d.Severity, at(d), d.Summary, d.Detail)
	}
	return b.String()
}

// merged is base with other values. In an object, a nil value removes one.
func merged[M ~map[K]V, K comparable, V any](base M, more ...M) M {
	all := M{}
	for _, values := range append([]M{base}, more...) {
		maps.Copy(all, values)
	}
	return all
}
