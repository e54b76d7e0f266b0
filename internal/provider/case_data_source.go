package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

var _ datasource.DataSourceWithConfigure = (*caseDataSource)(nil)

func newCaseDataSource() datasource.DataSource { return &caseDataSource{dataSource{name: "_case"}} }

type caseDataSource struct{ dataSource }

type caseModel struct {
	caseSummaryModel
	GroupID       types.String `tfsdk:"group_id"`
	Severity      types.String `tfsdk:"severity"`
	Source        types.String `tfsdk:"source"`
	Judgement     types.String `tfsdk:"judgement"`
	ResolvedAt    types.String `tfsdk:"resolved_at"`
	ResolvedAtRaw types.String `tfsdk:"resolved_at_raw"`
}

// caseSummaryModel is what a ticket and a search for tickets have in common.
type caseSummaryModel struct {
	CaseID       types.String `tfsdk:"case_id"`
	Status       types.Int64  `tfsdk:"status"`
	StatusName   types.String `tfsdk:"status_name"`
	IsOpen       types.Bool   `tfsdk:"is_open"`
	Description  types.String `tfsdk:"description"`
	BusinessType types.String `tfsdk:"business_type"`
	IncidentType types.String `tfsdk:"incident_type"`
	Region       types.String `tfsdk:"region"`
	CustomerID   types.String `tfsdk:"customer_id"`
	UserID       types.String `tfsdk:"user_id"`
	UserName     types.String `tfsdk:"user_name"`
	CreatedAt    types.String `tfsdk:"created_at"`
	CreatedAtRaw types.String `tfsdk:"created_at_raw"`
}

// The attributes that name a ticket.
var (
	caseIDAttribute = schema.StringAttribute{
		Required: true, Validators: []validator.String{caseIDCheck}, MarkdownDescription: caseIDDescription,
	}
	groupIDAttribute = schema.StringAttribute{
		Optional: true, Validators: []validator.String{groupIDCheck}, MarkdownDescription: groupIDDescription,
	}
)

func (d *caseDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := caseSummaryAttributes()
	attributes["case_id"], attributes["group_id"] = caseIDAttribute, groupIDAttribute
	attributes["severity"] = computedString("Name of the severity level.")
	attributes["source"] = computedString("Name of the channel through which the ticket was created.")
	attributes["judgement"] = computedString("The customer's comment on the service.")
	attributes["resolved_at"] = computedString("When the ticket was resolved. " + timeDescription)
	attributes["resolved_at_raw"] = computedString("`resolved_at` as the service returns it.")
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads a service ticket, for example to check whether it is still open. Makes one request. Values that the service does not return are null.",
		Attributes:          attributes,
	}
}

func (d *caseDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m caseModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	ctx, client := d.provider.clientFor(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ticket, err := client.Case(ctx, m.CaseID.ValueString(), m.GroupID.ValueString())
	if err != nil {
		resp.Diagnostics.Append(readDiagnostic(readCaseError, err))
		return
	}
	id := m.CaseID // as configured, whatever ID the service returns
	m.caseSummaryModel = newCaseSummaryModel(ticket.CaseSummary)
	m.CaseID = id
	m.Severity, m.Source, m.Judgement = stringOrNull(ticket.Severity), stringOrNull(ticket.Source), stringOrNull(ticket.Judgement)
	m.ResolvedAt, m.ResolvedAtRaw = timestamp(ticket.Resolved), stringOrNull(ticket.ResolveTime)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

const timeDescription = "RFC 3339 in UTC; null if it cannot be read. A time without a zone is read as a time in the provider's `time_zone`."

func caseSummaryAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"case_id": computedString("Ticket ID."),
		"status": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "Number of the status: " + statusList("%[1]d `%[2]s`") + ".",
		},
		"status_name": computedString("Name of the status: " + statusList("`%[2]s`") +
			". For any other status, its number."),
		"is_open": schema.BoolAttribute{
			Computed: true,
			MarkdownDescription: "Whether the ticket is open: `false` if its status is " +
				"`completed`, `cancelled` or `invalid`, `true` for any other status.",
		},
		"description":    computedString("Short description."),
		"business_type":  computedString("Name of the problem type."),
		"incident_type":  computedString("Name of the ticket type."),
		"region":         computedString("Name of the region."),
		"customer_id":    computedString("ID of the account."),
		"user_id":        computedString("ID of the user in the account who owns the ticket."),
		"user_name":      computedString("Name of the user who owns the ticket."),
		"created_at":     computedString("When the ticket was created. " + timeDescription),
		"created_at_raw": computedString("`created_at` as the service returns it."),
	}
}

func newCaseSummaryModel(c servicerequest.CaseSummary) caseSummaryModel {
	m := caseSummaryModel{
		CaseID: stringOrNull(c.ID), Description: stringOrNull(c.Description),
		BusinessType: stringOrNull(c.BusinessType), IncidentType: stringOrNull(c.IncidentType), Region: stringOrNull(c.Region),
		CustomerID: stringOrNull(c.CustomerID), UserID: stringOrNull(c.UserID), UserName: stringOrNull(c.UserName),
		CreatedAt: timestamp(c.Created), CreatedAtRaw: stringOrNull(c.CreateTime),
	}
	if c.Status.Value != nil {
		status := statusOf(*c.Status.Value)
		m.Status = types.Int64Value(int64(status.number))
		m.StatusName = types.StringValue(status.name)
		m.IsOpen = types.BoolValue(!status.closed)
	}
	return m
}

type caseStatus struct {
	number int
	name   string
	closed bool
}

var caseStatuses = []caseStatus{
	{0, "to_be_accepted", false},
	{1, "processing", false},
	{2, "awaiting_confirmation", false},
	{3, "completed", true},
	{4, "cancelled", true},
	{5, "suspended", false},
	{12, "invalid", true},
	{17, "awaiting_feedback", false},
}

// statusOf returns the status with this number. An unlisted status counts as open:
// unless a ticket is known to be closed, it may still accept messages.
func statusOf(number int) caseStatus {
	if i := slices.IndexFunc(caseStatuses, func(s caseStatus) bool { return s.number == number }); i >= 0 {
		return caseStatuses[i]
	}
	return caseStatus{number: number, name: strconv.Itoa(number)}
}

// statusList lists the statuses. format has their number and their name.
func statusList(format string) string {
	var list []string
	for _, s := range caseStatuses {
		list = append(list, fmt.Sprintf(format, s.number, s.name))
	}
	return strings.Join(list, ", ")
}

func computedString(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

// stringOrNull is a text from the service; null if it is empty.
func stringOrNull[T ~string](s T) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(string(s))
}

func timestamp(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

// readDiagnostic is for a call that reads. A list that is cut short is a warning:
// the error comes with the part that was read.
func readDiagnostic(summary string, err error) diag.Diagnostic {
	var incomplete *servicerequest.IncompleteError
	if errors.As(err, &incomplete) {
		return diag.NewWarningDiagnostic(incompleteListWarning, "The service did not return the whole list. "+capitalize(incomplete.Error())+".")
	}
	d := callDiagnostic(summary, err)
	if at := advise(err, "").at; at == "case_id" {
		return diag.WithPath(path.Root(at), d)
	}
	return d
}
