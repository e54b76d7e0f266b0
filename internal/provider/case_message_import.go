package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
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
	case ticket.Messages[at].Type != servicerequest.AuthorCustomer:
		resp.Diagnostics.AddError(summary, fmt.Sprintf("Message %s on ticket %s was written by Huawei Cloud, not by the customer: it cannot be managed here.",
			wanted.MessageID.ValueString(), wanted.CaseID.ValueString()))
	default:
		set := func(name string, value attr.Value) diag.Diagnostics {
			return resp.State.SetAttribute(ctx, path.Root(name), value)
		}
		resp.Diagnostics.Append(setMessage(ctx, client, set, wanted, ticket.Messages[at])...)
		resp.Diagnostics.Append(resp.Identity.Set(ctx, wanted)...)
	}
}

// setMessage fills a resource's attributes from a message on the ticket. What
// the service does not know stays unset.
func setMessage(ctx context.Context, client *servicerequest.Client, set func(string, attr.Value) diag.Diagnostics, id caseMessageIdentity, m servicerequest.Message) diag.Diagnostics {
	accessories := types.ListNull(types.StringType)
	var diags diag.Diagnostics
	if len(m.Accessories) > 0 {
		ids := make([]string, 0, len(m.Accessories))
		for _, a := range m.Accessories {
			ids = append(ids, a.ID)
		}
		accessories, diags = types.ListValueFrom(ctx, types.StringType, ids)
	}
	submittedAt := types.StringNull()
	if t, ok := client.ParseTime(m.CreateTime); ok {
		submittedAt = types.StringValue(t.UTC().Format(time.RFC3339))
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
		{"submitted_at", submittedAt},
		{"confirmed_by", types.StringValue(confirmedByImport)},
	} {
		diags.Append(set(a.name, a.value)...)
	}
	return diags
}
