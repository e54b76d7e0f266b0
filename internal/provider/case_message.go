package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// Limits of a message, from the service's API reference.
const (
	maxCaseID       = 64
	maxContent      = 10000
	maxAccessories  = 10
	maxAccessoryID  = 64 // the submit call documents 32, the upload gives up to 64
	maxGroupID      = 64
	defaultTimeout  = 5 * time.Minute
	maxDeduplicate  = 30 * 24 * time.Hour
	caseIDExplained = "Ticket ID, 1 to 64 characters, such as `TT201801020526`."
)

var (
	caseIDCheck      = all(length(1, maxCaseID), noControl, notDots)
	contentCheck     = length(1, maxContent)
	accessoryIDCheck = all(length(1, maxAccessoryID), noControl)
	groupIDCheck     = all(length(1, maxGroupID), noControl)
	windowCheck      = duration(0, maxDeduplicate)
)

// caseMessage is what is sent, as Terraform holds it.
type caseMessage struct {
	CaseID            types.String
	Content           types.String
	AccessoryIDs      types.List
	GroupID           types.String
	DeduplicateWindow types.String
}

func (m caseMessage) submission(ctx context.Context) (servicerequest.Submission, diag.Diagnostics) {
	s := servicerequest.Submission{
		CaseID:  m.CaseID.ValueString(),
		Content: m.Content.ValueString(),
		GroupID: m.GroupID.ValueString(),
	}
	// Null stays nil, which is not sent; an empty list is sent as one.
	diags := m.AccessoryIDs.ElementsAs(ctx, &s.AccessoryIDs, false)
	s.DeduplicateWindow, _ = time.ParseDuration(m.DeduplicateWindow.ValueString()) // checked at plan; null is 0
	return s, diags
}

// submit sends a message. The receipt is only good without errors.
func (s *service) submit(ctx context.Context, m caseMessage, timeout time.Duration) (servicerequest.Receipt, diag.Diagnostics) {
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
	submission.Notify = func(e servicerequest.Event) { logEvent(ctx, submission.CaseID, e) }

	receipt, err := client.Submit(ctx, submission)
	if err != nil {
		diags.Append(submitDiagnostic(err, true))
	}
	return receipt, diags
}

// logEvent never has the content: it is in no event.
func logEvent(ctx context.Context, caseID string, e servicerequest.Event) {
	fields := map[string]any{"case_id": caseID, "attempt": e.Attempt}
	if e.Reason != "" {
		fields["reason"] = e.Reason
	}
	switch e.Step {
	case servicerequest.StepRetrying:
		fields["wait"] = e.Wait.String()
		tflog.Warn(ctx, "The case message was not submitted, trying again", fields)
	case servicerequest.StepLooking:
		tflog.Warn(ctx, "Looking for the case message on the ticket", fields)
	case servicerequest.StepSubmitting:
		tflog.Info(ctx, "Submitting the case message", fields)
	case servicerequest.StepSubmitted:
		tflog.Info(ctx, "The case message is on the ticket", fields)
	}
}
