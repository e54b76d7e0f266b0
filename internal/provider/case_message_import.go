package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/delivery"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// confirmedByImport is the confirmed_by of an imported message.
const confirmedByImport = "import"

// caseMessageIdentitySchema identifies a created message by the UUID in its id,
// and an imported one by the service's message ID. The service returns no ID when
// a message is submitted, and an identity must not change later.
var caseMessageIdentitySchema = identityschema.Schema{
	Attributes: map[string]identityschema.Attribute{
		"case_id": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Ticket ID.",
		},
		"message_id": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Message ID from the service. For a message that this provider created, it is the UUID from the id attribute, which cannot be used for an import.",
		},
		"group_id": identityschema.StringAttribute{
			OptionalForImport: true,
			Description:       "IAM group ID. Required for a ticket of another user in the same group.",
		},
	},
}

type caseMessageIdentity struct {
	CaseID    types.String `tfsdk:"case_id"`
	MessageID types.String `tfsdk:"message_id"`
	GroupID   types.String `tfsdk:"group_id"`
}

// identity derives the identity from the state.
func (m caseMessageModel) identity() caseMessageIdentity {
	messageID := strings.TrimPrefix(m.ID.ValueString(), m.CaseID.ValueString()+"/")
	return caseMessageIdentity{CaseID: m.CaseID, MessageID: types.StringValue(messageID), GroupID: m.GroupID}
}

// parseImportID reads CASE_ID/MESSAGE_ID or CASE_ID/MESSAGE_ID/GROUP_ID.
func parseImportID(id string) (caseMessageIdentity, error) {
	parts := strings.Split(id, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return caseMessageIdentity{}, fmt.Errorf("the ID must be CASE_ID/MESSAGE_ID, or CASE_ID/MESSAGE_ID/GROUP_ID for a ticket of another user in the group; got %q", id)
	}
	identity := caseMessageIdentity{CaseID: types.StringValue(parts[0]), MessageID: types.StringValue(parts[1])}
	if len(parts) == 3 {
		identity.GroupID = types.StringValue(parts[2])
	}
	return identity, nil
}

// ImportState reads the ticket once. The state is the message as it is shown.
func (r *caseMessageResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	var wanted caseMessageIdentity
	if req.ID != "" {
		var err error
		if wanted, err = parseImportID(req.ID); err != nil {
			resp.Diagnostics.AddError(importError, "Invalid import ID: "+err.Error()+".")
			return
		}
	} else {
		resp.Diagnostics.Append(req.Identity.Get(ctx, &wanted)...)
	}
	for _, c := range []struct {
		name  string
		check check
		value types.String
	}{{"case_id", caseIDCheck, wanted.CaseID}, {"group_id", groupIDCheck, wanted.GroupID}} {
		if err := c.check(c.value.ValueString()); err != nil && !c.value.IsNull() {
			resp.Diagnostics.AddError(importError, "The value of "+c.name+" "+err.Error()+".")
		}
	}
	ctx, client := r.provider.clientFor(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}

	ticket, err := client.Case(ctx, wanted.CaseID.ValueString(), wanted.GroupID.ValueString())
	if err != nil {
		resp.Diagnostics.Append(callDiagnostic(importError, err))
		return
	}
	at := slices.IndexFunc(ticket.Messages, func(m servicerequest.Message) bool { return m.ID == wanted.MessageID.ValueString() })
	switch {
	case at < 0:
		resp.Diagnostics.AddError(importError, fmt.Sprintf("Ticket %s has no message with the ID %q. The data source servicerequest_case_messages lists the message IDs. "+
			"The UUID in the id attribute of a message that this provider created is not a message ID.", wanted.CaseID.ValueString(), wanted.MessageID.ValueString()))
	case checkManageable(ticket.Messages[at]) != nil:
		resp.Diagnostics.AddError(importError, fmt.Sprintf("Message %s on ticket %s cannot be imported. It %s.",
			wanted.MessageID.ValueString(), wanted.CaseID.ValueString(), checkManageable(ticket.Messages[at])))
	default:
		resp.Diagnostics.Append(setMessage(ctx, &resp.State, wanted, ticket.Messages[at])...)
		resp.Diagnostics.Append(resp.Identity.Set(ctx, wanted)...)
	}
}

// checkManageable reports why Terraform cannot manage a message: no configuration
// can equal it. The error's text continues a sentence about the message.
func checkManageable(m servicerequest.Message) error {
	if m.Type != servicerequest.AuthorCustomer {
		return errors.New("was written by Huawei Cloud, not by the customer")
	}
	if err := contentCheck(m.Content); err != nil {
		return fmt.Errorf("has a text that is not valid in a configuration: it %w", err)
	}
	seen := map[string]bool{}
	for _, a := range m.Accessories {
		id := string(a.ID)
		if accessoryIDCheck(id) != nil || seen[id] {
			return errors.New("has attachments with missing, invalid or duplicate IDs")
		}
		seen[id] = true
	}
	if len(seen) > servicerequest.MaxAccessories {
		return fmt.Errorf("has more than %d attachments", servicerequest.MaxAccessories)
	}
	return nil
}

// An import can resolve a submit that could not be confirmed, so it must not post
// the message again. The ticket may show a text in another form than it was sent,
// and it does not show triggers at all. So the first plan after an import accepts
// a configuration that matches the imported message, and plans confirmed_by =
// "import". The first apply stores the configuration's values in the state. Every
// later change posts another message.

// isNewImport reports whether the state is an import that has not been applied yet.
func (m caseMessageModel) isNewImport() bool { return m.ConfirmedBy.IsNull() }

// shows reports whether an imported message matches the configuration.
func (m caseMessageModel) shows(config caseMessageModel) bool {
	content := config.message().Content
	if m.Content.IsNull() || !known(content) || config.IdempotencyKey.IsUnknown() || config.AccessoryIDs.IsUnknown() {
		return false
	}
	return showsAttachments(m.AccessoryIDs.Elements(), config.AccessoryIDs.Elements()) &&
		delivery.Shows(m.Content.ValueString(), config.IdempotencyKey.ValueString(), content.ValueString())
}

// maxShownAttachments is how many attachments of a message the service shows.
const maxShownAttachments = 5

// showsAttachments reports whether a message with the configured attachments may
// be shown with these, in whatever order. An unknown ID is equal to none.
func showsAttachments(shown, configured []attr.Value) bool {
	for _, id := range shown {
		if !slices.ContainsFunc(configured, id.Equal) {
			return false
		}
	}
	return len(shown) == len(configured) || len(shown) == maxShownAttachments && len(configured) > maxShownAttachments
}

// setMessage sets a resource's attributes from a message on the ticket. What the
// service does not show stays null, and so does confirmed_by: see isNewImport.
func setMessage(ctx context.Context, state interface {
	SetAttribute(ctx context.Context, at path.Path, value any) diag.Diagnostics
}, id caseMessageIdentity, m servicerequest.Message) diag.Diagnostics {
	var accessories []string // nil is null
	for _, a := range m.Accessories {
		accessories = append(accessories, string(a.ID))
	}
	var diags diag.Diagnostics
	for name, value := range map[string]any{
		"case_id":       id.CaseID,
		"content":       m.Content,
		"accessory_ids": accessories,
		"group_id":      id.GroupID,
		"id":            id.CaseID.ValueString() + "/" + m.ID,
		"submitted_at":  timestamp(m.Created),
	} {
		diags.Append(state.SetAttribute(ctx, path.Root(name), value)...)
	}
	return diags
}
