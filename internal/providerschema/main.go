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

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

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
	if len(schemas.Functions) > 0 || len(schemas.StateStoreSchemas) > 0 {
		return errors.New("functions and state stores are not supported yet")
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"format_version": "1.0",
		"provider_schemas": map[string]any{
			// The short name is one of the two names that tfplugindocs looks for.
			"servicerequest": map[string]any{
				"provider":                   newSchema(schemas.Provider),
				"resource_schemas":           each(schemas.ResourceSchemas, newSchema),
				"resource_identity_schemas":  each(identities.IdentitySchemas, newIdentity),
				"data_source_schemas":        each(schemas.DataSourceSchemas, newSchema),
				"ephemeral_resource_schemas": each(schemas.EphemeralResourceSchemas, newSchema),
				"list_resource_schemas":      each(schemas.ListResourceSchemas, newSchema),
				"action_schemas":             each(schemas.ActionSchemas, func(a *tfprotov6.ActionSchema) schema { return newSchema(a.Schema) }),
			},
		},
	})
}

func each[From, To any](from map[string]From, convert func(From) To) map[string]To {
	to := make(map[string]To, len(from))
	for name, value := range from {
		to[name] = convert(value)
	}
	return to
}

type schema struct {
	Version int64 `json:"version"`
	Block   block `json:"block"`
}

type block struct {
	Attributes      map[string]attribute   `json:"attributes,omitempty"`
	BlockTypes      map[string]nestedBlock `json:"block_types,omitempty"`
	Description     string                 `json:"description,omitempty"`
	DescriptionKind string                 `json:"description_kind"`
	Deprecated      bool                   `json:"deprecated,omitempty"`
}

type attribute struct {
	Type            tftypes.Type `json:"type,omitempty"`
	NestedType      *nestedType  `json:"nested_type,omitempty"`
	Description     string       `json:"description,omitempty"`
	DescriptionKind string       `json:"description_kind"`
	Deprecated      bool         `json:"deprecated,omitempty"`
	Required        bool         `json:"required,omitempty"`
	Optional        bool         `json:"optional,omitempty"`
	Computed        bool         `json:"computed,omitempty"`
	Sensitive       bool         `json:"sensitive,omitempty"`
	WriteOnly       bool         `json:"write_only,omitempty"`
}

type nestedType struct {
	Attributes  map[string]attribute `json:"attributes"`
	NestingMode string               `json:"nesting_mode"`
}

type nestedBlock struct {
	NestingMode string `json:"nesting_mode"`
	Block       block  `json:"block"`
	MinItems    int64  `json:"min_items,omitempty"`
	MaxItems    int64  `json:"max_items,omitempty"`
}

type identity struct {
	Version    int64                        `json:"version"`
	Attributes map[string]identityAttribute `json:"attributes"`
}

type identityAttribute struct {
	Type              tftypes.Type `json:"type"`
	Description       string       `json:"description,omitempty"`
	RequiredForImport bool         `json:"required_for_import,omitempty"`
	OptionalForImport bool         `json:"optional_for_import,omitempty"`
}

func newSchema(s *tfprotov6.Schema) schema {
	return schema{Version: s.Version, Block: newBlock(s.Block)}
}

func newBlock(b *tfprotov6.SchemaBlock) block {
	blocks := make(map[string]nestedBlock, len(b.BlockTypes))
	for _, n := range b.BlockTypes {
		blocks[n.TypeName] = nestedBlock{
			NestingMode: map[tfprotov6.SchemaNestedBlockNestingMode]string{
				tfprotov6.SchemaNestedBlockNestingModeSingle: "single",
				tfprotov6.SchemaNestedBlockNestingModeList:   "list",
				tfprotov6.SchemaNestedBlockNestingModeSet:    "set",
				tfprotov6.SchemaNestedBlockNestingModeMap:    "map",
				tfprotov6.SchemaNestedBlockNestingModeGroup:  "group",
			}[n.Nesting],
			Block: newBlock(n.Block), MinItems: n.MinItems, MaxItems: n.MaxItems,
		}
	}
	return block{
		Attributes: newAttributes(b.Attributes), BlockTypes: blocks,
		Description: b.Description, DescriptionKind: kind(b.DescriptionKind), Deprecated: b.Deprecated,
	}
}

func newAttributes(from []*tfprotov6.SchemaAttribute) map[string]attribute {
	to := make(map[string]attribute, len(from))
	for _, a := range from {
		converted := attribute{
			Type: a.Type, Description: a.Description, DescriptionKind: kind(a.DescriptionKind), Deprecated: a.Deprecated,
			Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive, WriteOnly: a.WriteOnly,
		}
		if n := a.NestedType; n != nil {
			converted.NestedType = &nestedType{
				Attributes: newAttributes(n.Attributes),
				NestingMode: map[tfprotov6.SchemaObjectNestingMode]string{
					tfprotov6.SchemaObjectNestingModeSingle: "single",
					tfprotov6.SchemaObjectNestingModeList:   "list",
					tfprotov6.SchemaObjectNestingModeSet:    "set",
					tfprotov6.SchemaObjectNestingModeMap:    "map",
				}[n.Nesting],
			}
		}
		to[a.Name] = converted
	}
	return to
}

func newIdentity(s *tfprotov6.ResourceIdentitySchema) identity {
	to := make(map[string]identityAttribute, len(s.IdentityAttributes))
	for _, a := range s.IdentityAttributes {
		to[a.Name] = identityAttribute{a.Type, a.Description, a.RequiredForImport, a.OptionalForImport}
	}
	return identity{Version: s.Version, Attributes: to}
}

func kind(k tfprotov6.StringKind) string {
	if k == tfprotov6.StringKindMarkdown {
		return "markdown"
	}
	return "plain"
}
