package provider

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var _ list.ListResourceWithConfigure = (*caseMessageList)(nil)

func newCaseMessageList() list.ListResource { return &caseMessageList{} }

// caseMessageList shares Metadata and Configure with the resource that it lists.
type caseMessageList struct{ caseMessageResource }

type caseMessageListModel struct {
	CaseID  types.String `tfsdk:"case_id"`
	GroupID types.String `tfsdk:"group_id"`
}

func (l *caseMessageList) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the customer's messages on a ticket, for import. Messages that Terraform cannot manage are omitted, " +
			"such as those of Huawei Cloud's engineers and those without a text. Requires Terraform 1.14 or later.",
		Attributes: map[string]schema.Attribute{
			"case_id":  schema.StringAttribute{Required: true, Validators: []validator.String{caseIDCheck}, MarkdownDescription: caseIDDescription},
			"group_id": schema.StringAttribute{Optional: true, Validators: []validator.String{groupIDCheck}, MarkdownDescription: groupIDDescription},
		},
	}
}

func (l *caseMessageList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var m caseMessageListModel
	diags := req.Config.Get(ctx, &m)
	ctx, client := l.provider.clientFor(ctx, &diags)
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	ticket, err := client.Case(ctx, m.CaseID.ValueString(), m.GroupID.ValueString())
	if err != nil {
		stream.Results = list.ListResultsStreamDiagnostics(diag.Diagnostics{callDiagnostic(listError, err)})
		return
	}
	messages := slices.DeleteFunc(ticket.Messages, func(m servicerequest.Message) bool { return m.ID == "" || checkManageable(m) != nil })
	if req.Limit > 0 {
		messages = messages[:min(len(messages), int(req.Limit))]
	}
	stream.Results = func(push func(list.ListResult) bool) {
		for _, message := range messages {
			if !push(l.result(ctx, req, m, message)) {
				return
			}
		}
	}
}

func (l *caseMessageList) result(ctx context.Context, req list.ListRequest, m caseMessageListModel, message servicerequest.Message) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = servicerequest.FirstWords(message.CreateTime) + " " + servicerequest.FirstWords(message.Content)
	id := caseMessageIdentity{CaseID: m.CaseID, MessageID: types.StringValue(message.ID), GroupID: m.GroupID}
	result.Diagnostics.Append(result.Identity.Set(ctx, id)...)
	if req.IncludeResource {
		result.Diagnostics.Append(setMessage(ctx, result.Resource, id, message)...)
	}
	return result
}
