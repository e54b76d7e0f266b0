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
	maxAccessoryID = 64 // the submit call documents 32, the upload returns up to 64
	maxGroupID     = 64
	defaultTimeout = 5 * time.Minute
)

// Descriptions of the attributes that resource and action share.
const (
	caseIDDescription      = "Ticket ID, 1 to 64 characters, such as `TT201801020526`."
	contentDescription     = "Text of the message, 1 to 10000 characters, at least one of them visible."
	accessoryIDDescription = "IDs of uploaded attachments: at most 10, each different and 1 to 64 characters."
	groupIDDescription     = "IAM group ID, 1 to 64 characters. Required for a ticket of another user in the same group."
	keyDescription         = "Part of the message's text that no other message on the ticket contains, such as `[deploy 4711]`. " +
		"Before the message is posted, the ticket is searched for the key. " +
		"If the ticket already shows the message, nothing is sent and a warning says so; attachments are not compared. " +
		"If another message has the key, the apply fails and nothing is sent. " +
		"So a message that the ticket shows is not posted again after a run was killed or the state was lost. " +
		"6 to 64 characters: ASCII letters, digits, `- _ . : / # [ ]` and single spaces between them. " +
		"The key must end within the first 100 characters of the message, and must not be part of a longer word or number. " +
		"It is sent only as part of the message. " +
		"It is not a lock: two runs that search the ticket within the same seconds may both post the message."
	timeoutDescription = "Time limit for posting the message, including retries, as a duration such as `10m`, at most `24h`. Default `5m`."
)

var (
	caseIDCheck      = all(isTicketID, length(1, maxCaseID), noControl)
	contentCheck     = all(length(1, maxContent), notBlank)
	accessoryIDCheck = all(length(1, maxAccessoryID), noControl)
	groupIDCheck     = all(length(1, maxGroupID), noControl)
	keyCheck         = check(servicerequest.CheckIdempotencyKey)
	timeoutCheck     = duration(time.Millisecond, 24*time.Hour)
	accessoryChecks  = []validator.List{
		listvalidator.SizeAtMost(maxAccessories),
		listvalidator.NoNullValues(),
		listvalidator.UniqueValues(),
		listvalidator.ValueStringsAre(accessoryIDCheck),
	}
)

// caseMessage is a message to send, from the plan or the configuration.
type caseMessage struct {
	CaseID         types.String
	Content        types.String
	AccessoryIDs   types.List
	GroupID        types.String
	IdempotencyKey types.String
	WriteOnly      bool // the content must not be shown
	Action         bool // it has no state, and the next apply may not send it again
}

// check checks all values once more, now that they are known. Terraform does not
// validate a value again that was unknown at first.
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
		{path.Root("idempotency_key"), m.IdempotencyKey, keyCheck},
	} {
		v.check.ValidateString(ctx, validator.StringRequest{Path: v.at, ConfigValue: v.value}, &values)
	}
	var list validator.ListResponse
	for _, v := range accessoryChecks {
		v.ValidateList(ctx, validator.ListRequest{Path: path.Root("accessory_ids"), ConfigValue: m.AccessoryIDs}, &list)
	}
	diags := append(values.Diagnostics, list.Diagnostics...)
	return append(diags, checkKeyInContent(ctx, m.IdempotencyKey, m.Content)...)
}

// checkKeyInContent checks that the content has the key. It skips values that are
// unknown, or invalid and therefore reported elsewhere.
func checkKeyInContent(ctx context.Context, key, content types.String) diag.Diagnostics {
	if !known(key) || !known(content) || keyCheck(key.ValueString()) != nil || contentCheck(content.ValueString()) != nil {
		return nil
	}
	var checked validator.StringResponse
	inContent := check(func(key string) error { return servicerequest.CheckKeyInContent(key, content.ValueString()) })
	inContent.ValidateString(ctx, validator.StringRequest{Path: path.Root("idempotency_key"), ConfigValue: key}, &checked)
	return checked.Diagnostics
}

func (m caseMessage) submission(ctx context.Context) (servicerequest.Submission, diag.Diagnostics) {
	s := servicerequest.Submission{
		CaseID:         m.CaseID.ValueString(),
		Content:        m.Content.ValueString(),
		GroupID:        m.GroupID.ValueString(),
		IdempotencyKey: m.IdempotencyKey.ValueString(),
		Secret:         m.WriteOnly,
	}
	diags := m.check(ctx)
	// Null stays nil, which is not sent. An empty list is sent as one.
	diags.Append(m.AccessoryIDs.ElementsAs(ctx, &s.AccessoryIDs, false)...)
	return s, diags
}

// submit sends a message. The receipt is valid only without errors. progress, if
// not nil, is called with each step.
func (p *providerData) submit(ctx context.Context, m caseMessage, timeout time.Duration, progress func(string)) (servicerequest.Receipt, diag.Diagnostics) {
	ctx, client, diags := p.clientFor(ctx)
	if diags.HasError() {
		return servicerequest.Receipt{}, diags
	}
	submission, diags := m.submission(ctx)
	if diags.HasError() {
		return servicerequest.Receipt{}, diags
	}
	if progress == nil {
		progress = func(string) {}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	submission.Notify = func(e servicerequest.Event) {
		logEvent(ctx, submission.CaseID, e)
		progress(progressText(e))
	}

	receipt, err := client.Submit(ctx, submission)
	if err != nil {
		diags.Append(submitDiagnostic(err, m))
		return receipt, diags
	}
	tflog.Info(ctx, "Case message: confirmed", map[string]any{
		"case_id": submission.CaseID, "confirmed_by": string(receipt.ConfirmedBy), "request_id": receipt.RequestID, "resent": receipt.Resent,
	})
	for _, warning := range receiptWarnings(receipt, m) {
		progress(warning.Detail())
		diags.Append(warning)
	}
	return receipt, diags
}

// logEvent never logs the content: no event has it.
func logEvent(ctx context.Context, caseID string, e servicerequest.Event) {
	fields := map[string]any{"case_id": caseID, "attempt": e.Attempt}
	if e.Reason != "" {
		fields["reason"] = e.Reason
	}
	if e.Step == servicerequest.StepRetrying {
		fields["wait"] = e.Wait.String()
	}
	log := tflog.Info
	// The first search for an idempotency key is ordinary. Later checks are not.
	if e.Step == servicerequest.StepRetrying || e.Step == servicerequest.StepChecking && e.Attempt > 0 {
		log = tflog.Warn
	}
	log(ctx, "Case message: "+string(e.Step), fields)
}

// progressText describes a step to the user of an action.
func progressText(e servicerequest.Event) string {
	switch e.Step {
	case servicerequest.StepSubmitting:
		return fmt.Sprintf("Submitting the message (attempt %d)", e.Attempt)
	case servicerequest.StepChecking:
		return "Checking the ticket: " + e.Reason
	case servicerequest.StepRetrying:
		return fmt.Sprintf("Retrying in %s: %s", e.Wait.Round(time.Millisecond), e.Reason)
	default:
		return "The message is on the ticket"
	}
}
