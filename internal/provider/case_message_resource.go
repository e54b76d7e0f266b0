package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/delivery"
)

var (
	_ resource.ResourceWithConfigure      = (*caseMessageResource)(nil)
	_ resource.ResourceWithIdentity       = (*caseMessageResource)(nil)
	_ resource.ResourceWithImportState    = (*caseMessageResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*caseMessageResource)(nil)
	_ resource.ResourceWithValidateConfig = (*caseMessageResource)(nil)
)

func newCaseMessageResource() resource.Resource { return &caseMessageResource{} }

type caseMessageResource struct{ provider *providerData }

type caseMessageModel struct {
	caseMessage
	ContentWO        types.String `tfsdk:"content_wo"`
	ContentWOVersion types.Number `tfsdk:"content_wo_version"`
	Triggers         types.Map    `tfsdk:"triggers"`
	ID               types.String `tfsdk:"id"`
	SubmittedAt      types.String `tfsdk:"submitted_at"`
	ConfirmedBy      types.String `tfsdk:"confirmed_by"`
}

// message is the message to send: its content is that of content or of content_wo.
func (m caseMessageModel) message() caseMessage {
	message := m.caseMessage
	if m.Content.IsNull() {
		message.Content, message.WriteOnly = m.ContentWO, true
	}
	return message
}

func (r *caseMessageResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_case_message"
}

func (r *caseMessageResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	// Which changes replace the resource: see ModifyPlan.
	resp.Schema = schema.Schema{
		MarkdownDescription: "A message on a service ticket. Creating the resource posts the message, once. A posted message cannot be edited or deleted. " +
			"Changing anything that is sent, or `triggers`, posts another message. " +
			"Destroying the resource makes no API call, needs no credentials and leaves the message on the ticket.\n\n" +
			"An import reads the text and the attachments as the ticket shows them. The first apply after an import sends nothing if the configuration " +
			"has the same attachments and the text that the ticket shows, or its beginning as `idempotency_key` and the rest as `content`. It may set `triggers`. " +
			"After that apply, changing any of these posts another message. The service may show only part of a long text, so check the plan: a replacement (`-/+`) posts the message again.",
		Attributes: map[string]schema.Attribute{
			"case_id": schema.StringAttribute{Required: true, Validators: []validator.String{caseIDCheck}, MarkdownDescription: caseIDDescription},
			"content": schema.StringAttribute{
				Optional: true, Validators: []validator.String{contentCheck},
				MarkdownDescription: contentDescription + " It is stored in plan and state. Set either `content` or `content_wo`.",
			},
			"content_wo": schema.StringAttribute{
				Optional: true, WriteOnly: true, Validators: []validator.String{contentCheck},
				MarkdownDescription: "Text of the message, like `content`, but stored in neither plan nor state. Requires `content_wo_version`, " +
					"and Terraform 1.11 or OpenTofu 1.11 or later.",
			},
			"content_wo_version": schema.NumberAttribute{ // not Int64: the framework calls 1.5 an error in the provider
				Optional: true, Validators: []validator.Number{isWhole},
				MarkdownDescription: "Version of `content_wo`, any whole number. Terraform does not store `content_wo`, so it does not detect a new text. Change this number to post the new text.",
			},
			"accessory_ids": schema.ListAttribute{ElementType: types.StringType, Optional: true, Validators: accessoryChecks, MarkdownDescription: accessoryIDDescription},
			"group_id":      schema.StringAttribute{Optional: true, Validators: []validator.String{groupIDCheck}, MarkdownDescription: groupIDDescription},
			"triggers": schema.MapAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Values that post the message again when they change, such as the number of a release. They are not sent. " +
					"With an `idempotency_key`, change the key instead: as long as it stays the same, nothing is posted.",
			},
			"idempotency_key": schema.StringAttribute{
				Optional: true, Validators: []validator.String{keyCheck},
				MarkdownDescription: keyDescription + " Another key is another message: changing it posts one.",
			},
			"timeouts": schema.SingleNestedAttribute{
				Optional: true, MarkdownDescription: timeoutsDescription,
				Attributes: map[string]schema.Attribute{"create": schema.StringAttribute{
					Optional: true, Validators: []validator.String{timeoutCheck}, MarkdownDescription: timeoutDescription,
				}},
			},
			"id": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "`<case_id>/<UUID>`. The provider generates the UUID, since the service returns no ID for a new message. " +
					"For an imported message, `<case_id>/<message_id>`.",
			},
			"submitted_at": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "When the message was posted, RFC 3339 in UTC: by the service's clock, or by this machine's if the answer was lost or has no date. " +
					"For a message that existed before or was imported, the time that the ticket shows; null if it cannot be read.",
			},
			"confirmed_by": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "How delivery was confirmed. `response`: the service accepted the message. " +
					"`check`: the outcome was unknown, and a check of the ticket found the message. " +
					"`existing`: the ticket already had the message with its `idempotency_key`, and nothing was sent. " +
					"`import`: the message was imported. Null between an import and the first apply.",
			},
		},
	}
}

// IdentitySchema: see case_message_import.go.
func (r *caseMessageResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = caseMessageIdentitySchema
}

func (r *caseMessageResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.provider = providerDataFrom(req.ProviderData)
}

// ValidateConfig checks what concerns several attributes. The library's validators
// would look up each attribute by its path, for half the time of this call.
func (r *caseMessageResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m caseMessageModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	refuse := func(name, reason string) {
		resp.Diagnostics.AddAttributeError(path.Root(name), invalidError+name, reason)
	}
	switch {
	case m.Content.IsNull() && m.ContentWO.IsNull():
		refuse("content", "Set content or content_wo.")
	case known(m.Content) && known(m.ContentWO):
		refuse("content_wo", "Set either content or content_wo, not both.")
	}
	switch {
	case known(m.ContentWO) && m.ContentWOVersion.IsNull():
		refuse("content_wo", "Set content_wo_version together with content_wo.")
	case m.ContentWO.IsNull() && known(m.ContentWOVersion):
		refuse("content_wo_version", "Set content_wo_version only together with content_wo.")
	}
	resp.Diagnostics.Append(m.message().checkLength()...)
	resp.Diagnostics.Append(m.message().controlWarning()...)
}

// ModifyPlan decides what a change does. A change of anything that is sent, or of
// triggers, replaces the resource. A plan modifier of one attribute could not
// decide that: it does not see the others.
//
// Terraform plans a replacement a second time, as the creation of a resource
// without a state. So nothing is planned here for the new resource.
func (r *caseMessageResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() {
		return // to be created
	}
	var config, plan, state caseMessageModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if req.Plan.Raw.IsNull() { // to be destroyed
		if r.provider != nil && r.provider.created.Load() {
			return // the second half of a replacement: a warning on every deploy would be noise
		}
		resp.Diagnostics.AddWarning(messageStaysWarning,
			"Destroying this resource only removes it from the state. The message on ticket "+state.CaseID.ValueString()+
				" cannot be deleted and stays there.")
		return
	}
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}

	resp.RequiresReplace = plan.replacing(state, state.isNewImport() && state.shows(config))
	switch {
	case len(resp.RequiresReplace) > 0:
		resp.Diagnostics.Append(unchangedKeyWarning(plan, state)...)
	case state.isNewImport():
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("confirmed_by"), confirmedByImport)...)
	}
}

// replacing returns the attributes whose change replaces the resource. accepted
// means that the state is a new import that matches the configuration.
func (m caseMessageModel) replacing(state caseMessageModel, accepted bool) path.Paths {
	var changed path.Paths
	for _, a := range []struct {
		name           string
		planned, prior attr.Value
		accepted       bool
	}{
		{"case_id", m.CaseID, state.CaseID, false},
		{"group_id", m.GroupID, state.GroupID, false},
		{"content", m.Content, state.Content, accepted},
		{"content_wo_version", m.ContentWOVersion, state.ContentWOVersion, accepted},
		{"accessory_ids", m.AccessoryIDs, state.AccessoryIDs, accepted},
		{"triggers", m.Triggers, state.Triggers, accepted},
		{"idempotency_key", m.IdempotencyKey, state.IdempotencyKey, accepted},
	} {
		if !a.accepted && !a.planned.Equal(a.prior) {
			changed = append(changed, path.Root(a.name))
		}
	}
	return changed
}

// unchangedKeyWarning warns that a replacement will post nothing, since the
// ticket already has a message with the idempotency key.
func unchangedKeyWarning(plan, state caseMessageModel) diag.Diagnostics {
	if !known(plan.IdempotencyKey) || !plan.IdempotencyKey.Equal(state.IdempotencyKey) || !plan.CaseID.Equal(state.CaseID) {
		return nil
	}
	outcome := "If the text stays the same, nothing will be sent. If it changes, the apply will be refused."
	switch {
	case known(state.Content) && known(plan.Content) && delivery.SameText(state.Content.ValueString(), plan.Content.ValueString()),
		state.Content.IsNull() && plan.Content.IsNull() && state.ContentWOVersion.Equal(plan.ContentWOVersion):
		outcome = "The text stays the same, so nothing will be sent."
	case known(state.Content) && known(plan.Content):
		outcome = "The text changes, so the apply will be refused."
	}
	return diag.Diagnostics{diag.NewAttributeWarningDiagnostic(path.Root("idempotency_key"), sameKeyWarning, fmt.Sprintf(
		"Ticket %s already has a message with the idempotency_key %q. %s "+
			"To post another message, choose another key, such as the number of this release or run.",
		state.CaseID.ValueString(), state.IdempotencyKey.ValueString(), outcome))}
}

func (r *caseMessageResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m, config caseMessageModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...) // the plan does not have content_wo
	// The ID is generated before the message is sent. Nothing may fail afterwards.
	unique, err := uuid.GenerateUUID()
	if err != nil {
		resp.Diagnostics.AddError(noIDError, "Nothing was sent: this machine's random number generator failed. Apply again.\n\n"+capitalize(err.Error())+".")
	}
	if resp.Diagnostics.HasError() {
		return
	}

	receipt := r.provider.deliver(ctx, config.message(), func(string) {}, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	r.provider.created.Store(true)
	m.ID = types.StringValue(m.CaseID.ValueString() + "/" + unique)
	m.SubmittedAt = timestamp(receipt.PostedAt)
	m.ConfirmedBy = types.StringValue(string(receipt.ConfirmedBy))
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, m.identity())...)
}

// Read keeps the state. A submitted message cannot change. Dropping it because a
// list does not show it would post it again. The identity follows from the state,
// and is missing if an older Terraform wrote the state.
func (r *caseMessageResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m caseMessageModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, m.identity())...)
}

// Update makes no call: every change of what is sent replaces the resource.
func (r *caseMessageResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m caseMessageModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, m.identity())...)
}

// Delete makes no call: a ticket keeps its messages. The plan has a warning.
func (r *caseMessageResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}
