package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// protocol talks to the provider as Terraform does, for features for which the
// installed CLI may be too old.
type protocol struct {
	framework
	schemas *tfprotov6.GetProviderSchemaResponse
}

// newProtocol is a provider that is configured for the service.
func newProtocol(t testing.TB, f *fixture) protocol {
	t.Helper()
	made, err := f.providers["servicerequest"]()
	if err != nil {
		t.Fatal(err)
	}
	server, ok := made.(framework)
	if !ok {
		t.Fatal("the provider serves no actions, or no list resources")
	}
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantNoDiagnostics(t, schemas.Diagnostics)
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0",
		Config:           dynamic(t, schemas.Provider, map[string]any{"endpoint": f.URL(), "token": testToken}),
	})
	if err != nil {
		t.Fatal(err)
	}
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
	d, err := tfprotov6.NewDynamicValue(typ, value(t, typ, values))
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

func value(t testing.TB, typ tftypes.Type, v any) tftypes.Value {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
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
	case []string:
		var values []tftypes.Value
		for _, s := range v {
			values = append(values, tftypes.NewValue(tftypes.String, s))
		}
		return tftypes.NewValue(typ, values)
	default:
		return tftypes.NewValue(typ, v)
	}
}

// apply creates a resource from a plan and its configuration.
func (p protocol) apply(t *testing.T, typeName string, planned, config *tfprotov6.DynamicValue) *tfprotov6.ApplyResourceChangeResponse {
	t.Helper()
	schema := p.schemas.ResourceSchemas[typeName]
	none, err := tfprotov6.NewDynamicValue(schema.ValueType(), tftypes.NewValue(schema.ValueType(), nil))
	if err != nil {
		t.Fatal(err)
	}
	response, err := p.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typeName, PriorState: &none, PlannedState: planned, Config: config,
	})
	if err != nil {
		t.Fatal(err)
	}
	return response
}
