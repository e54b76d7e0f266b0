package provider

import (
	"context"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var _ datasource.DataSourceWithConfigure = (*caseMessagesDataSource)(nil)

func newCaseMessagesDataSource() datasource.DataSource {
	return &caseMessagesDataSource{dataSource{name: "_case_messages"}}
}

type caseMessagesDataSource struct{ dataSource }

type caseMessagesModel struct {
	CaseID     types.String        `tfsdk:"case_id"`
	GroupID    types.String        `tfsdk:"group_id"`
	AuthorType types.String        `tfsdk:"author_type"`
	Messages   []shownMessageModel `tfsdk:"messages"`
}

type shownMessageModel struct {
	MessageID    types.String    `tfsdk:"message_id"`
	AuthorType   types.String    `tfsdk:"author_type"`
	AuthorID     types.String    `tfsdk:"author_id"`
	AuthorName   types.String    `tfsdk:"author_name"`
	Content      types.String    `tfsdk:"content"`
	CreatedAt    types.String    `tfsdk:"created_at"`
	CreatedAtRaw types.String    `tfsdk:"created_at_raw"`
	Position     types.Int64     `tfsdk:"position"`
	Attachments  []attachedModel `tfsdk:"attachments"`
}

type attachedModel struct {
	ID   types.String `tfsdk:"id"`
	Name types.String `tfsdk:"name"`
}

func (d *caseMessagesDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads all messages of a service ticket. Makes one request for the ticket, and one for each 100 messages. " +
			"Values that the service does not return are null.",
		Attributes: map[string]schema.Attribute{
			"case_id":  caseIDAttribute,
			"group_id": groupIDAttribute,
			"author_type": schema.StringAttribute{
				Optional: true, Validators: []validator.String{oneOf(authorTypes...)},
				MarkdownDescription: "Return only the messages of this type of author: `customer`, `engineer` (of Huawei Cloud) or `third_party`.",
			},
			"messages": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The messages, oldest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"message_id":     computedString("Message ID, for an import. Null if the service shows the message differently in its list than in the ticket."),
					"author_type":    computedString("Type of the author: `customer`, `engineer` or `third_party`. For any other type, its number."),
					"author_id":      computedString("ID of the author."),
					"author_name":    computedString("Name of the author."),
					"content":        computedString("Text of the message. The service may cut it to 400 characters."),
					"created_at":     computedString("When the message was posted. " + timeDescription),
					"created_at_raw": computedString("`created_at` as the service returns it."),
					"position": schema.Int64Attribute{
						Computed: true, MarkdownDescription: "Position in the service's list, from 1. No page documents its order.",
					},
					"attachments": schema.ListNestedAttribute{
						Computed:            true,
						MarkdownDescription: "The attachments. The service shows at most 5.",
						NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
							"id":   computedString("ID of the attachment."),
							"name": computedString("Name of the file."),
						}},
					},
				}},
			},
		},
	}
}

func (d *caseMessagesDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m caseMessagesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	ctx, client := d.provider.clientFor(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	messages, err := client.Messages(ctx, m.CaseID.ValueString(), m.GroupID.ValueString())
	if err != nil {
		resp.Diagnostics.Append(readDiagnostic(readMessagesError, err))
		if resp.Diagnostics.HasError() {
			return
		}
	}
	m.Messages = []shownMessageModel{} // none is not null
	for _, message := range messages {
		if shown := newShownMessageModel(message); m.AuthorType.IsNull() || m.AuthorType.Equal(shown.AuthorType) {
			m.Messages = append(m.Messages, shown)
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

var authorTypes = []string{
	servicerequest.AuthorCustomer:   "customer",
	servicerequest.AuthorEngineer:   "engineer",
	servicerequest.AuthorThirdParty: "third_party",
}

func newShownMessageModel(m servicerequest.Message) shownMessageModel {
	author := strconv.Itoa(m.ReplierType)
	if m.ReplierType >= 0 && m.ReplierType < len(authorTypes) {
		author = authorTypes[m.ReplierType]
	}
	shown := shownMessageModel{
		MessageID: stringOrNull(m.ID), AuthorType: types.StringValue(author),
		AuthorID: stringOrNull(m.Replier), AuthorName: stringOrNull(m.ReplierName),
		Content:   types.StringValue(m.Content),
		CreatedAt: timestamp(m.Created), CreatedAtRaw: stringOrNull(m.CreateTime),
		Position:    types.Int64Value(int64(m.Position)),
		Attachments: []attachedModel{},
	}
	for _, a := range m.Accessories {
		shown.Attachments = append(shown.Attachments, attachedModel{stringOrNull(a.ID), stringOrNull(a.Name)})
	}
	return shown
}
