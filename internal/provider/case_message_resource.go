package provider

import (
	"context"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ resource.ResourceWithConfigure  = (*caseMessageResource)(nil)
	_ resource.ResourceWithModifyPlan = (*caseMessageResource)(nil)
)

func newCaseMessageResource() resource.Resource { return &caseMessageResource{} }

type caseMessageResource struct{ service *service }

type caseMessageModel struct {
	CaseID            types.String   `tfsdk:"case_id"`
	Content           types.String   `tfsdk:"content"`
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
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A message on a service ticket. Creating it submits the message, once. It cannot be changed or taken back: " +
			"every change posts another message, and destroying it makes no call and leaves the message on the ticket.",
		Attributes: map[string]schema.Attribute{
			"case_id": schema.StringAttribute{
				Required: true, PlanModifiers: replace, Validators: []validator.String{caseIDCheck},
				MarkdownDescription: caseIDExplained,
			},
			"content": schema.StringAttribute{
				Required: true, PlanModifiers: replace, Validators: []validator.String{contentCheck},
				MarkdownDescription: "The text, 1 to 10000 characters. It is kept in plan and state: put no secret in it.",
			},
			"accessory_ids": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				PlanModifiers: []planmodifier.List{listplanmodifier.RequiresReplace()},
				Validators: []validator.List{
					listvalidator.SizeAtMost(maxAccessories),
					listvalidator.NoNullValues(),
					listvalidator.UniqueValues(),
					listvalidator.ValueStringsAre(accessoryIDCheck),
				},
				MarkdownDescription: "IDs of uploaded attachments, at most 10, each 1 to 64 characters.",
			},
			"group_id": schema.StringAttribute{
				Optional: true, PlanModifiers: replace, Validators: []validator.String{groupIDCheck},
				MarkdownDescription: "IAM group ID, 1 to 64 characters. Needed for a ticket of another user of the same group.",
			},
			"triggers": schema.MapAttribute{
				ElementType: types.StringType, Optional: true,
				PlanModifiers:       []planmodifier.Map{mapplanmodifier.RequiresReplace()},
				MarkdownDescription: "Values that post the message again when they change, such as a release. They are never sent.",
			},
			"deduplicate_window": schema.StringAttribute{
				Optional: true, Validators: []validator.String{windowCheck},
				MarkdownDescription: "Duration such as `1h`. Before posting, look for an identical message of the customer's that is at most this old, " +
					"and adopt it instead. It makes it safe to repeat a run that was killed, or that lost its state. " +
					"All identical messages within the window are then one. Off when unset.",
			},
			"timeouts": timeouts.Attributes(ctx, timeouts.Opts{
				Create:            true,
				CreateDescription: "Time to submit the message, retries included, as a duration such as `10m`. Default `5m`.",
			}),
			"id": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "`<case_id>/<UUID>`. The UUID is the provider's own: the service gives a message no ID when it is submitted.",
			},
			"submitted_at": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "When the message was submitted, by the service's clock, RFC 3339 in UTC.",
			},
			"confirmed_by": schema.StringAttribute{
				Computed: true, PlanModifiers: keep,
				MarkdownDescription: "How it is known that the message is on the ticket: `response`, the service accepted it; " +
					"`readback`, the answer was lost and the message was found on the ticket; " +
					"`existing`, an identical message within `deduplicate_window` was there, and nothing was sent.",
			},
		},
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

	receipt, diags := r.service.submit(ctx, caseMessage{m.CaseID, m.Content, m.AccessoryIDs, m.GroupID, m.DeduplicateWindow}, timeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.ID = types.StringValue(m.CaseID.ValueString() + "/" + unique)
	m.SubmittedAt = types.StringValue(receipt.SubmittedAt.UTC().Format(time.RFC3339))
	m.ConfirmedBy = types.StringValue(string(receipt.ConfirmedBy))
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Read keeps the state. A submitted message cannot change, and to drop it
// because a list did not show it would post it again.
func (r *caseMessageResource) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

// Update takes over what is not sent: all else replaces the resource.
func (r *caseMessageResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m caseMessageModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// Delete makes no call: a ticket keeps its messages. The plan has warned.
func (r *caseMessageResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}
