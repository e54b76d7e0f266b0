package provider

import (
	"context"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/resourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ resource.ResourceWithConfigure        = (*caseMessageResource)(nil)
	_ resource.ResourceWithConfigValidators = (*caseMessageResource)(nil)
	_ resource.ResourceWithIdentity         = (*caseMessageResource)(nil)
	_ resource.ResourceWithImportState      = (*caseMessageResource)(nil)
	_ resource.ResourceWithModifyPlan       = (*caseMessageResource)(nil)
)

func newCaseMessageResource() resource.Resource { return &caseMessageResource{} }

type caseMessageResource struct{ service *service }

type caseMessageModel struct {
	CaseID            types.String   `tfsdk:"case_id"`
	Content           types.String   `tfsdk:"content"`
	ContentWO         types.String   `tfsdk:"content_wo"`
	ContentWOVersion  types.Int64    `tfsdk:"content_wo_version"`
	AccessoryIDs      types.List     `tfsdk:"accessory_ids"`
	GroupID           types.String   `tfsdk:"group_id"`
	Triggers          types.Map      `tfsdk:"triggers"`
	DeduplicateWindow types.String   `tfsdk:"deduplicate_window"`
	Timeouts          timeouts.Value `tfsdk:"timeouts"`
	ID                types.String   `tfsdk:"id"`
	SubmittedAt       types.String   `tfsdk:"submitted_at"`
	ConfirmedBy       types.String   `tfsdk:"confirmed_by"`
}

func (r *caseMessageResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_case_message"
}

func (r *caseMessageResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	const posts = "A change posts another message."
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	limits := timeouts.Attributes(ctx, timeouts.Opts{Create: true}).(schema.SingleNestedAttribute) //nolint:forcetypeassert // it is one
	limits.Attributes["create"] = schema.StringAttribute{
		Optional: true, Validators: []validator.String{timeoutCheck},
		MarkdownDescription: timeoutDescription,
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A message on a service ticket. Creating it posts the message, once. It cannot be changed or taken back: " +
			"every change posts another message, and destroying it makes no call and leaves the message on the ticket.\n\n" +
			"An import takes over the text and the attachments that the ticket shows. A configuration that says the same, apart from stripped markup, spacing and `triggers`, " +
			"is then taken over without a new message; from then on, added markup and the first `triggers` post nothing either. The service may cut a long text, though: look at the plan, since a replacement (`-/+`) posts the message again.",
		Attributes: map[string]schema.Attribute{
			"case_id": schema.StringAttribute{
				Required: true, PlanModifiers: replace, Validators: []validator.String{caseIDCheck},
				MarkdownDescription: caseIDDescription,
			},
			"content": schema.StringAttribute{
				Optional: true, Validators: []validator.String{contentCheck},
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplaceIf(replaceContent, posts, posts)},
				MarkdownDescription: "The text, 1 to 10000 characters. It is kept in plan and state. Exactly one of `content` and `content_wo` must be set.",
			},
			"content_wo": schema.StringAttribute{
				Optional: true, WriteOnly: true, Validators: []validator.String{contentCheck},
				MarkdownDescription: "The text, as `content`, but kept in neither plan nor state. Set `content_wo_version` with it. " +
					"Needs Terraform 1.11 or OpenTofu 1.11.",
			},
			"content_wo_version": schema.Int64Attribute{
				Optional: true, PlanModifiers: []planmodifier.Int64{int64planmodifier.RequiresReplaceIf(replaceVersion, posts, posts)},
				MarkdownDescription: "Any number. Terraform does not store `content_wo`, so it does not see a change of that text alone: change this number to post it.",
			},
			"accessory_ids": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				PlanModifiers:       []planmodifier.List{listplanmodifier.RequiresReplaceIf(replaceAccessories, posts, posts)},
				Validators:          accessoryChecks,
				MarkdownDescription: accessoryIDDescription,
			},
			"group_id": schema.StringAttribute{
				Optional: true, PlanModifiers: replace, Validators: []validator.String{groupIDCheck},
				MarkdownDescription: groupIDDescription,
			},
			"triggers": schema.MapAttribute{
				ElementType: types.StringType, Optional: true,
				PlanModifiers: []planmodifier.Map{mapplanmodifier.RequiresReplaceIf(replaceTriggers, posts, posts)},
				MarkdownDescription: "Values that post the message again when they change, such as a release. They are never sent. " +
					"With `deduplicate_window` too, put them into the text as well: an identical message within the window is adopted, whatever they are.",
			},
			"deduplicate_window": schema.StringAttribute{
				Optional: true, Validators: []validator.String{windowCheck},
				MarkdownDescription: windowDescription,
			},
			"timeouts": limits,
			"id": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "`<case_id>/<UUID>`. The UUID is the provider's own: the service returns no ID when a message is submitted. " +
					"Of an imported message, `<case_id>/<message_id>`.",
			},
			"submitted_at": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "When the message was submitted, by the service's clock, RFC 3339 in UTC.",
			},
			"confirmed_by": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "How it is known that the message is on the ticket: `response`, the service accepted it; " +
					"`readback`, the answer was lost and the message was found on the ticket; " +
					"`existing`, an identical message within `deduplicate_window` was there, and nothing was sent; " +
					"`import`, it was imported.",
			},
		},
	}
}

// IdentitySchema: see case_message_import.go.
func (r *caseMessageResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = caseMessageIdentitySchema
}

func (r *caseMessageResource) ConfigValidators(context.Context) []resource.ConfigValidator {
	return []resource.ConfigValidator{
		resourcevalidator.ExactlyOneOf(path.MatchRoot("content"), path.MatchRoot("content_wo")),
		resourcevalidator.RequiredTogether(path.MatchRoot("content_wo"), path.MatchRoot("content_wo_version")),
	}
}

func (r *caseMessageResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.service = serviceFrom(req.ProviderData)
}

// ModifyPlan warns of a destroy. A replacement does not come here without a
// plan: a warning on every deploy would be noise.
func (r *caseMessageResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !req.Plan.Raw.IsNull() {
		return
	}
	var state caseMessageModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.AddWarning("The message stays on the ticket",
		"Destroying this resource takes it out of the state only. The message on ticket "+state.CaseID.ValueString()+
			" cannot be taken back, and stays there.")
}

func (r *caseMessageResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m caseMessageModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := m.Timeouts.Create(ctx, defaultTimeout)
	resp.Diagnostics.Append(diags...)
	// Before the message is sent: nothing may fail after it.
	unique, err := uuid.GenerateUUID()
	if err != nil {
		resp.Diagnostics.AddError("Unable to make an ID", err.Error()+". Nothing was sent.")
	}
	if resp.Diagnostics.HasError() {
		return
	}

	message := caseMessage{
		CaseID: m.CaseID, Content: m.Content, AccessoryIDs: m.AccessoryIDs, GroupID: m.GroupID, DeduplicateWindow: m.DeduplicateWindow,
	}
	if m.Content.IsNull() {
		// The plan does not have it: only the configuration does.
		resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("content_wo"), &message.Content)...)
		message.WriteOnly = true
	}
	if resp.Diagnostics.HasError() {
		return
	}

	receipt, diags := r.service.submit(ctx, message, timeout, nil)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.ID = types.StringValue(m.CaseID.ValueString() + "/" + unique)
	m.SubmittedAt = types.StringValue(receipt.SubmittedAt.UTC().Format(time.RFC3339))
	m.ConfirmedBy = types.StringValue(string(receipt.ConfirmedBy))
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, m.identity())...)
}

// Read keeps the state. A submitted message cannot change, and to drop it
// because a list did not show it would post it again. The identity follows from
// the state, and is missing where an older Terraform wrote it.
func (r *caseMessageResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m caseMessageModel
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, m.identity())...)
}

// Update takes over what is not sent: all else replaces the resource.
func (r *caseMessageResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m caseMessageModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, m.identity())...)
}

// Delete makes no call: a ticket keeps its messages. The plan has warned.
func (r *caseMessageResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}
