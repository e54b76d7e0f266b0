// Providerschema prints the provider's schemas as `terraform providers schema
// -json` does, for tfplugindocs.
//
// It asks the provider itself. A CLI exports only the kinds of schemas that it
// knows. So whether actions and list resources have pages would depend on the
// version of the CLI.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/provider"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "providerschema:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	server := provider.New("dev")()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return err
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return err
	}
	for _, d := range append(schemas.Diagnostics, identities.Diagnostics...) {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return fmt.Errorf("%s: %s", d.Summary, d.Detail)
		}
	}
	if len(schemas.Functions)+len(schemas.EphemeralResourceSchemas)+len(schemas.StateStoreSchemas) > 0 {
		return errors.New("functions, ephemeral resources and state stores are not supported yet")
	}
	return json.NewEncoder(os.Stdout).Encode(object{
		"format_version": "1.0",
		// The short name is one of the two names that tfplugindocs looks for.
		"provider_schemas": object{"servicerequest": object{
			"provider":                  schema(schemas.Provider),
			"resource_schemas":          each(schemas.ResourceSchemas, schema),
			"resource_identity_schemas": each(identities.IdentitySchemas, identity),
			"data_source_schemas":       each(schemas.DataSourceSchemas, schema),
			"list_resource_schemas":     each(schemas.ListResourceSchemas, schema),
			"action_schemas":            each(schemas.ActionSchemas, func(a *tfprotov6.ActionSchema) object { return schema(a.Schema) }),
		}},
	})
}

type object map[string]any

func each[From any](from map[string]From, convert func(From) object) object {
	to := object{}
	for name, value := range from {
		to[name] = convert(value)
	}
	return to
}

func schema(s *tfprotov6.Schema) object {
	if len(s.Block.BlockTypes) > 0 {
		panic("nested blocks are not supported yet")
	}
	return object{"version": s.Version, "block": object{
		"attributes":  attributes(s.Block.Attributes),
		"description": s.Block.Description, "description_kind": kind(s.Block.DescriptionKind), "deprecated": s.Block.Deprecated,
	}}
}

func attributes(from []*tfprotov6.SchemaAttribute) object {
	to := object{}
	for _, a := range from {
		converted := object{
			"description": a.Description, "description_kind": kind(a.DescriptionKind), "deprecated": a.Deprecated,
			"required": a.Required, "optional": a.Optional, "computed": a.Computed, "sensitive": a.Sensitive, "write_only": a.WriteOnly,
		}
		if n := a.NestedType; n != nil {
			converted["nested_type"] = object{"attributes": attributes(n.Attributes), "nesting_mode": strings.ToLower(n.Nesting.String())}
		} else {
			converted["type"] = a.Type
		}
		to[a.Name] = converted
	}
	return to
}

func identity(s *tfprotov6.ResourceIdentitySchema) object {
	to := object{}
	for _, a := range s.IdentityAttributes {
		to[a.Name] = object{
			"type": a.Type, "description": a.Description,
			"required_for_import": a.RequiredForImport, "optional_for_import": a.OptionalForImport,
		}
	}
	return object{"version": s.Version, "attributes": to}
}

func kind(k tfprotov6.StringKind) string { return strings.ToLower(k.String()) }
