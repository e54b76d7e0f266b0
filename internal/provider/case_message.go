package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// Limits of a message, from the service's API reference.
const (
	maxCaseID      = 64
	maxContent     = 10000
	maxAccessories = 10
	maxAccessoryID = 64 // the submit call documents 32, the upload gives up to 64
	maxGroupID     = 64
	defaultTimeout = 5 * time.Minute
	maxDeduplicate = 30 * 24 * time.Hour
)

// Descriptions of what resource and action share.
const (
	caseIDDescription      = "Ticket ID, 1 to 64 characters, such as `TT201801020526`."
	accessoryIDDescription = "IDs of uploaded attachments, at most 10, each 1 to 64 characters."
	groupIDDescription     = "IAM group ID, 1 to 64 characters. Needed for a ticket of another user of the same group."
	windowDescription      = "Duration such as `90m` or `24h`, at most `720h`. Before posting, look for an identical customer message that is at most this old, " +
		"and adopt it instead. Within that time it is then safe to repeat a run that was killed, or that lost its state. " +
		"All identical messages within the window count as one: to go back to a text within it posts nothing. Off when unset."
	timeoutDescription = "Time to submit the message, retries included, as a duration such as `10m`, at most `24h`. Default `5m`."
)

var (
	caseIDCheck      = all(length(1, maxCaseID), noControl, notDots)
	contentCheck     = length(1, maxContent)
	accessoryIDCheck = all(length(1, maxAccessoryID), noControl)
	groupIDCheck     = all(length(1, maxGroupID), noControl)
	windowCheck      = duration(0, maxDeduplicate)
	timeoutCheck     = duration(time.Millisecond, 24*time.Hour)
	accessoryChecks  = []validator.List{
		listvalidator.SizeAtMost(maxAccessories),
		listvalidator.NoNullValues(),
		listvalidator.UniqueValues(),
		listvalidator.ValueStringsAre(accessoryIDCheck),
	}
)

// caseMessage is what is sent, as Terraform holds it.
type caseMessage struct {
	CaseID            types.String
	Content           types.String
	AccessoryIDs      types.List
	GroupID           types.String
	DeduplicateWindow types.String
	WriteOnly         bool // the content must not be shown
	Action            bool // it has no state, and nothing applies it again
}

// check checks all values once more. Those of an action were checked only as
// far as they were known before Terraform's plan: it does not ask again.
func (m caseMessage) check(ctx context.Context) diag.Diagnostics {
	content := path.Root("content")
	if m.WriteOnly {
		content = path.Root("content_wo")
	}
	var values validator.StringResponse
	for _, v := range []struct {
		at    path.Path
		value types.String
		check check
	}{
		// Required: null is as wrong as empty.
		{path.Root("case_id"), types.StringValue(m.CaseID.ValueString()), caseIDCheck},
		{content, types.StringValue(m.Content.ValueString()), contentCheck},
		{path.Root("group_id"), m.GroupID, groupIDCheck},
		{path.Root("deduplicate_window"), m.DeduplicateWindow, windowCheck},
	} {
		v.check.ValidateString(ctx, validator.StringRequest{Path: v.at, ConfigValue: v.value}, &values)
	}
	var list validator.ListResponse
	for _, v := range accessoryChecks {
		v.ValidateList(ctx, validator.ListRequest{Path: path.Root("accessory_ids"), ConfigValue: m.AccessoryIDs}, &list)
	}
	return append(values.Diagnostics, list.Diagnostics...)
}

func (m caseMessage) submission(ctx context.Context) (servicerequest.Submission, diag.Diagnostics) {
	s := servicerequest.Submission{
		CaseID:  m.CaseID.ValueString(),
		Content: m.Content.ValueString(),
		GroupID: m.GroupID.ValueString(),
		Secret:  m.WriteOnly,
	}
	diags := m.check(ctx)
	// Null stays nil, which is not sent; an empty list is sent as one.
	diags.Append(m.AccessoryIDs.ElementsAs(ctx, &s.AccessoryIDs, false)...)
	s.DeduplicateWindow, _ = time.ParseDuration(m.DeduplicateWindow.ValueString()) // checked; null is 0
	return s, diags
}

// submit sends a message. The receipt is only good without errors. progress,
// if not nil, is told each step.
func (s *service) submit(ctx context.Context, m caseMessage, timeout time.Duration, progress func(string)) (servicerequest.Receipt, diag.Diagnostics) {
	ctx, client, diags := s.connect(ctx)
	if diags.HasError() {
		return servicerequest.Receipt{}, diags
	}
	submission, diags := m.submission(ctx)
	if diags.HasError() {
		return servicerequest.Receipt{}, diags
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	submission.Notify = func(e servicerequest.Event) {
		logEvent(ctx, submission.CaseID, e)
		if progress != nil {
			progress(progressText(e))
		}
	}

	receipt, err := client.Submit(ctx, submission)
	if err != nil {
		diags.Append(submitDiagnostic(err, m))
	} else {
		tflog.Info(ctx, "Case message: confirmed", map[string]any{
			"case_id": submission.CaseID, "confirmed_by": string(receipt.ConfirmedBy), "request_id": receipt.RequestID,
		})
	}
	return receipt, diags
}

// logEvent never has the content: it is in no event.
func logEvent(ctx context.Context, caseID string, e servicerequest.Event) {
	fields := map[string]any{"case_id": caseID, "attempt": e.Attempt}
	if e.Reason != "" {
		fields["reason"] = e.Reason
	}
	if e.Step == servicerequest.StepRetrying {
		fields["wait"] = e.Wait.String()
	}
	switch e.Step {
	case servicerequest.StepRetrying, servicerequest.StepLooking:
		tflog.Warn(ctx, "Case message: "+string(e.Step), fields)
	default:
		tflog.Info(ctx, "Case message: "+string(e.Step), fields)
	}
}

// progressText is a step as the user of an action reads it.
func progressText(e servicerequest.Event) string {
	switch e.Step {
	case servicerequest.StepSubmitting:
		return fmt.Sprintf("Submitting the message (attempt %d)", e.Attempt)
	case servicerequest.StepLooking:
		return "Looking for the message on the ticket: " + e.Reason
	case servicerequest.StepRetrying:
		return fmt.Sprintf("Trying again in %s: %s", e.Wait.Round(time.Millisecond), e.Reason)
	default:
		return "The message is on the ticket"
	}
}
