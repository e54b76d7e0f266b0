package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var (
	_ datasource.DataSourceWithConfigure      = (*casesDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*casesDataSource)(nil)
)

// Bounds of a search.
const (
	maxLabels         = 5
	defaultCasesLimit = 1000
	maxCasesLimit     = 10000
)

func newCasesDataSource() datasource.DataSource { return &casesDataSource{dataSource{name: "_cases"}} }

type casesDataSource struct{ dataSource }

type casesModel struct {
	Keywords  types.List         `tfsdk:"keywords"`
	LabelIDs  types.List         `tfsdk:"label_ids"`
	Status    types.Int64        `tfsdk:"status"`
	StartTime types.String       `tfsdk:"start_time"`
	EndTime   types.String       `tfsdk:"end_time"`
	GroupID   types.String       `tfsdk:"group_id"`
	Limit     types.Int64        `tfsdk:"limit"`
	Cases     []caseSummaryModel `tfsdk:"cases"`
}

func (d *casesDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	var statuses []int64
	for _, s := range caseStatuses {
		statuses = append(statuses, int64(s.number))
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Searches for service tickets that match all arguments. Makes one request for each 100 tickets.",
		Attributes: map[string]schema.Attribute{
			"keywords": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				Validators:          []validator.List{listvalidator.NoNullValues(), listvalidator.ValueStringsAre(wordCheck)},
				MarkdownDescription: "Keywords to search for.",
			},
			"label_ids": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				Validators: []validator.List{
					listvalidator.SizeAtMost(maxLabels), listvalidator.NoNullValues(), listvalidator.UniqueValues(),
					listvalidator.ValueStringsAre(wordCheck),
				},
				MarkdownDescription: "Label IDs, at most 5, each different.",
			},
			"status": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.OneOf(statuses...)},
				MarkdownDescription: "Number of the status: " + statusList("%[1]d `%[2]s`") + ".",
			},
			"start_time": schema.StringAttribute{
				Optional: true, Validators: []validator.String{timeCheck},
				MarkdownDescription: "Start of the time range to search, RFC 3339, such as `2026-01-31T00:00:00Z`. Fractions of a second are ignored.",
			},
			"end_time": schema.StringAttribute{
				Optional: true, Validators: []validator.String{timeCheck},
				MarkdownDescription: "End of the time range to search, RFC 3339. Must not be before `start_time`.",
			},
			"group_id": schema.StringAttribute{
				Optional: true, Validators: []validator.String{groupIDCheck},
				MarkdownDescription: "IAM group ID, 1 to 64 characters. Required to find tickets of other users in the same group.",
			},
			"limit": schema.Int64Attribute{
				Optional: true, Validators: []validator.Int64{int64validator.Between(1, maxCasesLimit)},
				MarkdownDescription: fmt.Sprintf("Maximum number of tickets to return, 1 to %d. Default %d. Without `limit`, a warning says so if more tickets match.", maxCasesLimit, defaultCasesLimit),
			},
			"cases": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The tickets without duplicates, in the service's order. Values that the service does not return are null.",
				NestedObject:        schema.NestedAttributeObject{Attributes: caseSummaryAttributes()},
			},
		},
	}
}

var (
	wordCheck = all(notBlank, noControl)
	timeCheck = check(func(s string) error {
		_, err := parseTime(s)
		return err
	})
)

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UTC().Year() < 1970 || t.UTC().Year() > 9999 {
		return time.Time{}, errors.New(`must be an RFC 3339 time such as "2026-01-31T00:00:00Z", in 1970 or later`)
	}
	return t, nil
}

// span is the time range to search. A bound that is null or unknown is zero.
func (m *casesModel) span() (from, to time.Time) {
	from, _ = parseTime(m.StartTime.ValueString())
	to, _ = parseTime(m.EndTime.ValueString())
	return from, to
}

func (d *casesDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var m casesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if from, to := m.span(); !from.IsZero() && !to.IsZero() && to.Before(from) {
		resp.Diagnostics.AddAttributeError(path.Root("end_time"), invalidError+"end_time", "The value of end_time must not be before start_time.")
	}
}

func (d *casesDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m casesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	query := servicerequest.CaseQuery{GroupID: m.GroupID.ValueString(), Status: m.Status.ValueInt64Pointer()}
	query.From, query.To = m.span()
	resp.Diagnostics.Append(m.Keywords.ElementsAs(ctx, &query.Keywords, false)...)
	resp.Diagnostics.Append(m.LabelIDs.ElementsAs(ctx, &query.LabelIDs, false)...)
	ctx, client := d.provider.clientFor(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	limit := cmp.Or(m.Limit.ValueInt64(), defaultCasesLimit) // null is 0, which is not a limit
	found, more, err := client.Cases(ctx, query, int(limit))
	if err != nil {
		resp.Diagnostics.Append(readDiagnostic(searchCasesError, err))
		if resp.Diagnostics.HasError() {
			return
		}
	}
	if more && m.Limit.IsNull() {
		resp.Diagnostics.AddAttributeWarning(path.Root("limit"), moreCasesWarning,
			fmt.Sprintf("More than %[1]d tickets match, and %[1]d are returned by default. Narrow the search, or set limit.", defaultCasesLimit))
	}
	m.Cases = []caseSummaryModel{} // none is not null
	for _, c := range found {
		m.Cases = append(m.Cases, newCaseSummaryModel(c))
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
