// Command schemajson prints the provider's schemas as `terraform providers
// schema -json` does, for the documentation. Every CLI leaves out what it is
// too old for; this has the actions and list resources whatever is installed.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/provider"
)

// The JSON format, as far as this provider's schemas need it: no blocks.
type (
	schema struct {
		Version int64 `json:"version"`
		Block   block `json:"block"`
	}
	block struct {
		Attributes      map[string]attribute `json:"attributes,omitempty"`
		Description     string               `json:"description,omitempty"`
		DescriptionKind string               `json:"description_kind"`
	}
	attribute struct {
		Type            tftypes.Type `json:"type,omitempty"`
		NestedType      *nested      `json:"nested_type,omitempty"`
		Description     string       `json:"description,omitempty"`
		DescriptionKind string       `json:"description_kind,omitempty"`
		Required        bool         `json:"required,omitempty"`
		Optional        bool         `json:"optional,omitempty"`
		Computed        bool         `json:"computed,omitempty"`
		Sensitive       bool         `json:"sensitive,omitempty"`
		Deprecated      bool         `json:"deprecated,omitempty"`
		WriteOnly       bool         `json:"write_only,omitempty"`
	}
	nested struct {
		Attributes  map[string]attribute `json:"attributes"`
		NestingMode string               `json:"nesting_mode"`
	}
	identity struct {
		Version    int64                        `json:"version"`
		Attributes map[string]identityAttribute `json:"attributes"`
	}
	identityAttribute struct {
		Type              tftypes.Type `json:"type"`
		Description       string       `json:"description,omitempty"`
		RequiredForImport bool         `json:"required_for_import,omitempty"`
		OptionalForImport bool         `json:"optional_for_import,omitempty"`
	}
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	server := providerserver.NewProtocol6(provider.New("dev")())()
	got, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return err
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return err
	}
	actions := map[string]*tfprotov6.Schema{}
	for name, action := range got.ActionSchemas {
		actions[name] = action.Schema
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(map[string]any{
		"format_version": "1.0",
		"provider_schemas": map[string]any{
			"servicerequest": map[string]any{
				"provider":                  convert(got.Provider),
				"resource_schemas":          convertAll(got.ResourceSchemas),
				"data_source_schemas":       convertAll(got.DataSourceSchemas),
				"action_schemas":            convertAll(actions),
				"list_resource_schemas":     convertAll(got.ListResourceSchemas),
				"resource_identity_schemas": convertIdentities(identities.IdentitySchemas),
			},
		},
	})
}

func convertAll(schemas map[string]*tfprotov6.Schema) map[string]schema {
	converted := map[string]schema{}
	for name, s := range schemas {
		converted[name] = convert(s)
	}
	return converted
}

func convert(s *tfprotov6.Schema) schema {
	if len(s.Block.BlockTypes) > 0 {
		panic("schemajson does not know blocks")
	}
	return schema{s.Version, block{attributes(s.Block.Attributes), s.Block.Description, kind(s.Block.DescriptionKind)}}
}

func attributes(from []*tfprotov6.SchemaAttribute) map[string]attribute {
	converted := map[string]attribute{}
	for _, a := range from {
		c := attribute{
			Type: a.Type, Description: a.Description, DescriptionKind: kind(a.DescriptionKind), Required: a.Required, Optional: a.Optional,
			Computed: a.Computed, Sensitive: a.Sensitive, Deprecated: a.Deprecated, WriteOnly: a.WriteOnly,
		}
		if a.NestedType != nil {
			mode := map[tfprotov6.SchemaObjectNestingMode]string{
				tfprotov6.SchemaObjectNestingModeSingle: "single", tfprotov6.SchemaObjectNestingModeList: "list",
				tfprotov6.SchemaObjectNestingModeSet: "set", tfprotov6.SchemaObjectNestingModeMap: "map",
			}[a.NestedType.Nesting]
			c.NestedType = &nested{attributes(a.NestedType.Attributes), mode}
		}
		converted[a.Name] = c
	}
	return converted
}

func convertIdentities(from map[string]*tfprotov6.ResourceIdentitySchema) map[string]identity {
	converted := map[string]identity{}
	for name, s := range from {
		c := identity{s.Version, map[string]identityAttribute{}}
		for _, a := range s.IdentityAttributes {
			c.Attributes[a.Name] = identityAttribute{a.Type, a.Description, a.RequiredForImport, a.OptionalForImport}
		}
		converted[name] = c
	}
	return converted
}

func kind(k tfprotov6.StringKind) string {
	if k == tfprotov6.StringKindMarkdown {
		return "markdown"
	}
	return "plain"
}
