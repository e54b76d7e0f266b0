package provider

import (
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ action.Action                   = (*caseMessageAction)(nil)
	_ action.ActionWithConfigure      = (*caseMessageAction)(nil)
	_ action.ActionWithValidateConfig = (*caseMessageAction)(nil)
)

func newCaseMessageAction() action.Action { return &caseMessageAction{} }

type caseMessageAction struct{ provider *providerData }

func (a *caseMessageAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_case_message"
}

func (a *caseMessageAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Posts a message to a service ticket each time it is invoked, unless the message has an `idempotency_key` that the ticket already shows. " +
			"An action has no state. Use the resource of the same name for a message that is part of a configuration. Requires Terraform 1.14.1 or later.",
		Attributes: map[string]schema.Attribute{
			"case_id":         schema.StringAttribute{Required: true, Validators: []validator.String{caseIDCheck}, MarkdownDescription: caseIDDescription},
			"content":         schema.StringAttribute{Required: true, Validators: []validator.String{contentCheck}, MarkdownDescription: contentDescription},
			"accessory_ids":   schema.ListAttribute{ElementType: types.StringType, Optional: true, Validators: accessoryChecks, MarkdownDescription: accessoryIDDescription},
			"group_id":        schema.StringAttribute{Optional: true, Validators: []validator.String{groupIDCheck}, MarkdownDescription: groupIDDescription},
			"idempotency_key": schema.StringAttribute{Optional: true, Validators: []validator.String{keyCheck}, MarkdownDescription: keyDescription},
			"timeouts": schema.SingleNestedAttribute{
				Optional: true, MarkdownDescription: timeoutsDescription,
				Attributes: map[string]schema.Attribute{"invoke": schema.StringAttribute{
					Optional: true, Validators: []validator.String{timeoutCheck}, MarkdownDescription: timeoutDescription,
				}},
			},
		},
	}
}

func (a *caseMessageAction) Configure(_ context.Context, req action.ConfigureRequest, _ *action.ConfigureResponse) {
	a.provider = providerDataFrom(req.ProviderData)
}

func (a *caseMessageAction) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
	var m caseMessage
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	resp.Diagnostics.Append(m.checkLength()...)
	resp.Diagnostics.Append(m.controlWarning()...)
}

func (a *caseMessageAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var m caseMessage
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.Action = true
	var mu sync.Mutex
	ended := false
	defer func() { mu.Lock(); defer mu.Unlock(); ended = true }()
	progress := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		// After an interrupt, Terraform stops listening at the next progress event. It would then
		// miss the outcome. A shared call may outlive the action that began it.
		if ctx.Err() == nil && !ended {
			resp.SendProgress(action.InvokeProgressEvent{Message: text})
		}
	}
	receipt := a.provider.deliver(ctx, m, progress, &resp.Diagnostics)
	if !resp.Diagnostics.HasError() {
		progress("Confirmed by: " + string(receipt.ConfirmedBy))
	}
}
