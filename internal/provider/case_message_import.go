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
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// confirmedByImport is the confirmed_by of an imported message.
const confirmedByImport = "import"

// caseMessageIdentitySchema: the service gives a message an ID, but not to
// whoever submits it, and an identity must not change later. So a created
// message is identified by the UUID that its id has, an imported one by the
// service's ID.
var caseMessageIdentitySchema = identityschema.Schema{
	Attributes: map[string]identityschema.Attribute{
		"case_id": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Ticket ID.",
		},
		"message_id": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "The service's message ID. For a message that this provider created, the UUID in its id, which cannot be used for an import.",
		},
		"group_id": identityschema.StringAttribute{
			OptionalForImport: true,
			Description:       "IAM group ID, for a ticket of another user of the same group.",
		},
	},
}

type caseMessageIdentity struct {
	CaseID    types.String `tfsdk:"case_id"`
	MessageID types.String `tfsdk:"message_id"`
	GroupID   types.String `tfsdk:"group_id"`
}

// identity follows from the state.
func (m caseMessageModel) identity() caseMessageIdentity {
	messageID := strings.TrimPrefix(m.ID.ValueString(), m.CaseID.ValueString()+"/")
	return caseMessageIdentity{CaseID: m.CaseID, MessageID: types.StringValue(messageID), GroupID: m.GroupID}
}

// parseImportID reads CASE_ID/MESSAGE_ID or CASE_ID/MESSAGE_ID/GROUP_ID.
func parseImportID(id string) (caseMessageIdentity, error) {
	parts := strings.Split(id, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return caseMessageIdentity{}, fmt.Errorf("the ID must be CASE_ID/MESSAGE_ID, or CASE_ID/MESSAGE_ID/GROUP_ID for a ticket of another user of the group; got %q", id)
	}
	identity := caseMessageIdentity{CaseID: types.StringValue(parts[0]), MessageID: types.StringValue(parts[1])}
	if len(parts) == 3 {
		identity.GroupID = types.StringValue(parts[2])
	}
	return identity, nil
}

// ImportState reads the ticket, once, and takes the message over as it is shown.
func (r *caseMessageResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	const summary = "Unable to import case message"
	var wanted caseMessageIdentity
	if req.ID != "" {
		var err error
		if wanted, err = parseImportID(req.ID); err != nil {
			resp.Diagnostics.AddError(summary, "Invalid import ID: "+err.Error()+".")
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
		if c.value.IsNull() {
			continue
		}
		if err := c.check(c.value.ValueString()); err != nil {
			resp.Diagnostics.AddError(summary, "The value of "+c.name+" "+err.Error()+".")
		}
	}
	ctx, client, diags := r.service.connect(ctx)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}

	ticket, err := client.Case(ctx, wanted.CaseID.ValueString(), wanted.GroupID.ValueString())
	if err != nil {
		resp.Diagnostics.Append(callDiagnostic(summary, err))
		return
	}
	at := slices.IndexFunc(ticket.Messages, func(m servicerequest.Message) bool { return m.ID == wanted.MessageID.ValueString() })
	switch {
	case at < 0:
		resp.Diagnostics.AddError(summary, fmt.Sprintf("Ticket %s has no message with the ID %q. The servicerequest_case_messages data source lists the IDs. "+
			"The UUID in the id of a message that this provider created is not the service's ID.", wanted.CaseID.ValueString(), wanted.MessageID.ValueString()))
	case manageable(ticket.Messages[at]) != nil:
		resp.Diagnostics.AddError(summary, fmt.Sprintf("Message %s on ticket %s cannot be managed here: it %s.",
			wanted.MessageID.ValueString(), wanted.CaseID.ValueString(), manageable(ticket.Messages[at])))
	default:
		set := func(name string, value attr.Value) diag.Diagnostics {
			return resp.State.SetAttribute(ctx, path.Root(name), value)
		}
		resp.Diagnostics.Append(setMessage(ctx, set, wanted, ticket.Messages[at])...)
		resp.Diagnostics.Append(resp.Identity.Set(ctx, wanted)...)
	}
}

// manageable tells why a message cannot be managed here: then no configuration
// can say what it says.
func manageable(m servicerequest.Message) error {
	if m.Type != servicerequest.AuthorCustomer {
		return errors.New("was written by Huawei Cloud, not by the customer")
	}
	if err := contentCheck(m.Content); err != nil {
		return fmt.Errorf("has a content that %w", err)
	}
	seen := map[string]bool{}
	for _, a := range m.Accessories {
		if accessoryIDCheck(a.ID) != nil || seen[a.ID] {
			return errors.New("has attachments whose IDs cannot be told apart, or are none")
		}
		seen[a.ID] = true
	}
	if len(seen) > maxAccessories {
		return fmt.Errorf("has more than %d attachments", maxAccessories)
	}
	return nil
}

// To import a message is a way out of a submit that could not be confirmed, and
// must not post it again: a configuration that says what was imported is taken
// over. All that is sent otherwise replaces the resource, and so do triggers.

func replaceContent(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
	resp.RequiresReplace = !saysWhatWasImported(ctx, req.Config, req.State, &resp.Diagnostics)
}

func replaceAccessories(ctx context.Context, req planmodifier.ListRequest, resp *listplanmodifier.RequiresReplaceIfFuncResponse) {
	resp.RequiresReplace = !saysWhatWasImported(ctx, req.Config, req.State, &resp.Diagnostics)
}

func replaceVersion(ctx context.Context, req planmodifier.Int64Request, resp *int64planmodifier.RequiresReplaceIfFuncResponse) {
	resp.RequiresReplace = !saysWhatWasImported(ctx, req.Config, req.State, &resp.Diagnostics)
}

// replaceTriggers: an import leaves them unset.
func replaceTriggers(ctx context.Context, req planmodifier.MapRequest, resp *mapplanmodifier.RequiresReplaceIfFuncResponse) {
	var state caseMessageModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.RequiresReplace = !req.StateValue.IsNull() || state.ConfirmedBy.ValueString() != confirmedByImport
}

func saysWhatWasImported(ctx context.Context, config tfsdk.Config, prior tfsdk.State, diags *diag.Diagnostics) bool {
	var wanted, state caseMessageModel
	diags.Append(config.Get(ctx, &wanted)...)
	diags.Append(prior.Get(ctx, &state)...)
	if wanted.Content.IsNull() {
		wanted.Content = wanted.ContentWO
	}
	if state.ConfirmedBy.ValueString() != confirmedByImport || state.Content.IsNull() || !known(wanted.Content) || wanted.AccessoryIDs.IsUnknown() {
		return false
	}
	var wantedIDs, ids []types.String
	diags.Append(wanted.AccessoryIDs.ElementsAs(ctx, &wantedIDs, false)...)
	diags.Append(state.AccessoryIDs.ElementsAs(ctx, &ids, false)...)
	submission := servicerequest.Submission{Content: wanted.Content.ValueString()}
	for _, id := range wantedIDs {
		submission.AccessoryIDs = append(submission.AccessoryIDs, id.ValueString()) // an unknown one is no one's
	}
	shown := servicerequest.Message{Content: state.Content.ValueString()}
	for _, id := range ids {
		shown.Accessories = append(shown.Accessories, servicerequest.Accessory{ID: id.ValueString()})
	}
	return submission.IsShownAs(shown)
}

// setMessage fills a resource's attributes from a message on the ticket. What
// the service does not know stays unset.
func setMessage(ctx context.Context, set func(string, attr.Value) diag.Diagnostics, id caseMessageIdentity, m servicerequest.Message) diag.Diagnostics {
	accessories := types.ListNull(types.StringType)
	var diags diag.Diagnostics
	if len(m.Accessories) > 0 {
		ids := make([]string, 0, len(m.Accessories))
		for _, a := range m.Accessories {
			ids = append(ids, a.ID)
		}
		accessories, diags = types.ListValueFrom(ctx, types.StringType, ids)
	}
	for _, a := range []struct {
		name  string
		value attr.Value
	}{
		{"case_id", id.CaseID},
		{"content", types.StringValue(m.Content)},
		{"accessory_ids", accessories},
		{"group_id", id.GroupID},
		{"id", types.StringValue(id.CaseID.ValueString() + "/" + m.ID)},
		{"submitted_at", timestamp(m.Created)},
		{"confirmed_by", types.StringValue(confirmedByImport)},
	} {
		diags.Append(set(a.name, a.value)...)
	}
	return diags
}
