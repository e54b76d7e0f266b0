package provider

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/delivery"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

const defaultTimeout = "5m"

// Descriptions of the attributes that resource and action share.
const (
	caseIDDescription      = "Ticket ID, 1 to 64 characters, such as `TT201801020526`."
	contentDescription     = "Text of the message, 1 to 10000 characters, at least one of them visible."
	accessoryIDDescription = "IDs of uploaded attachments: at most 10, each different and 1 to 64 characters."
	groupIDDescription     = "IAM group ID, 1 to 64 characters. Required for a ticket of another user in the same group."
	keyDescription         = "Makes the message one that is not posted again, such as `deploy 4711`. " +
		"The provider puts the key in square brackets in front of the text, as in `[deploy 4711] Release 1.4.0 is live.`, and searches the ticket for it before it posts. " +
		"If a message begins with the key and shows the same text, nothing is posted and a warning says so; attachments are not compared. " +
		"If it has another text, or if a message may be this one with its key changed by the service, the apply fails and nothing is posted. " +
		"4 to 62 characters: ASCII letters and digits, joined by single spaces, dots or hyphens. " +
		"The key, its brackets and the space after them count towards the 10000 characters of the message. " +
		"It is not a lock: two runs, or two provider configurations of one run, that search the ticket within the same seconds may both post the message. " +
		"See the guide *What happens when an answer is lost*."
	timeoutsDescription = "How long the provider may take."
	timeoutDescription  = "Time limit for posting the message, including retries and waiting while the service throttles requests, as a duration such as `10m`, at most `24h`. Default `5m`."
)

var (
	caseIDCheck      = all(isTicketID, length(1, servicerequest.MaxCaseID), clean, noLookAlike)
	contentCheck     = all(contentLength, notBlank, noNUL)
	accessoryIDCheck = all(length(1, servicerequest.MaxAccessoryID), noControl)
	groupIDCheck     = header(servicerequest.MaxGroupID)
	keyCheck         = all(notEmpty, delivery.CheckKey)
	timeoutCheck     = duration(time.Millisecond, 24*time.Hour)
	accessoryChecks  = []validator.List{
		listvalidator.SizeAtMost(servicerequest.MaxAccessories),
		listvalidator.NoNullValues(),
		listvalidator.UniqueValues(),
		listvalidator.ValueStringsAre(accessoryIDCheck),
	}
)

// contentLength is length with what to do about a text that is too long.
func contentLength(s string) error {
	err := length(1, servicerequest.MaxContent)(s)
	if err != nil && s != "" {
		err = fmt.Errorf("%w. The guide \"Long texts and evidence\" shows how to send more", err)
	}
	return err
}

// controlWarning warns of characters that a terminal obeys, and that change what a reviewer
// sees of a plan.
func (m caseMessage) controlWarning() diag.Diagnostics {
	i := strings.IndexFunc(m.Content.ValueString(), func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t\x00", r) || unicode.Is(unicode.Bidi_Control, r)
	})
	if i < 0 {
		return nil
	}
	r, _ := utf8.DecodeRuneInString(m.Content.ValueString()[i:])
	return diag.Diagnostics{diag.NewAttributeWarningDiagnostic(m.contentPath(), controlCharacterWarning, fmt.Sprintf(
		"The value of %s contains the character %U. It is sent as it is. A terminal may obey it, so that a plan shows something else than the text: use -no-color, and read the plan in another program.", m.contentPath(), r))}
}

// caseMessage is a message to send, as an action and a resource configure it.
type caseMessage struct {
	CaseID         types.String `tfsdk:"case_id"`
	Content        types.String `tfsdk:"content"`
	AccessoryIDs   types.List   `tfsdk:"accessory_ids"`
	GroupID        types.String `tfsdk:"group_id"`
	IdempotencyKey types.String `tfsdk:"idempotency_key"`
	Timeouts       types.Object `tfsdk:"timeouts"`

	WriteOnly bool `tfsdk:"-"` // the content is that of content_wo, which must not be shown
	Action    bool `tfsdk:"-"` // it has no state, and the next apply may not send it again
}

// contentPath is the attribute that has the content.
func (m caseMessage) contentPath() path.Path {
	if m.WriteOnly {
		return path.Root("content_wo")
	}
	return path.Root("content")
}

// timeout is the one time limit that timeouts can have; null if it has none.
func (m caseMessage) timeout() types.String {
	for _, v := range m.Timeouts.Attributes() {
		return v.(types.String) //nolint:forcetypeassert // by the schema
	}
	return types.StringNull()
}

// check checks all values once more, now that they are known. Terraform does not
// validate a value again that was unknown at first.
func (m caseMessage) check(ctx context.Context) diag.Diagnostics {
	var values validator.StringResponse
	for _, v := range []struct {
		at    path.Path
		value types.String
		check check
	}{
		// Required: null is as wrong as empty.
		{path.Root("case_id"), types.StringValue(m.CaseID.ValueString()), caseIDCheck},
		{m.contentPath(), types.StringValue(m.Content.ValueString()), contentCheck},
		{path.Root("group_id"), m.GroupID, groupIDCheck},
		{path.Root("idempotency_key"), m.IdempotencyKey, keyCheck},
		{path.Root("timeouts"), m.timeout(), timeoutCheck},
	} {
		v.check.ValidateString(ctx, validator.StringRequest{Path: v.at, ConfigValue: v.value}, &values)
	}
	var list validator.ListResponse
	for _, v := range accessoryChecks {
		v.ValidateList(ctx, validator.ListRequest{Path: path.Root("accessory_ids"), ConfigValue: m.AccessoryIDs}, &list)
	}
	return append(append(values.Diagnostics, list.Diagnostics...), m.checkLength()...)
}

// checkLength checks that the content is not too long with the key in front of it. It
// skips values that are unknown, or invalid and therefore reported elsewhere.
func (m caseMessage) checkLength() diag.Diagnostics {
	at, key, content := m.contentPath(), m.IdempotencyKey.ValueString(), m.Content.ValueString()
	n := utf8.RuneCountInString(delivery.Keyed(key, content))
	if keyCheck(key) != nil || contentCheck(content) != nil || n <= servicerequest.MaxContent {
		return nil
	}
	return diag.Diagnostics{diag.NewAttributeErrorDiagnostic(at, invalidError+at.String(), fmt.Sprintf(
		"The value of %s must have at most %d characters together with the idempotency_key, its brackets and a space, but has %d.", at, servicerequest.MaxContent, n))}
}

// deliver sends a message. The receipt is valid only without errors. progress is called
// with each step.
func (p *providerData) deliver(ctx context.Context, m caseMessage, progress func(string), diags *diag.Diagnostics) delivery.Receipt {
	ctx, client := p.clientFor(ctx, diags)
	if diags.HasError() {
		return delivery.Receipt{}
	}
	message := delivery.Message{
		CaseID:  m.CaseID.ValueString(),
		Content: m.Content.ValueString(),
		GroupID: m.GroupID.ValueString(),
		Key:     m.IdempotencyKey.ValueString(),
		Secret:  m.WriteOnly,
	}
	diags.Append(m.check(ctx)...)
	// Null stays nil, which is not sent. An empty list is sent as one.
	diags.Append(m.AccessoryIDs.ElementsAs(ctx, &message.AccessoryIDs, false)...)
	if diags.HasError() {
		return delivery.Receipt{}
	}
	timeout, _ := time.ParseDuration(cmp.Or(m.timeout().ValueString(), defaultTimeout)) // checked above
	ctx, cancel := p.clock.WithTimeout(context.WithValue(ctx, progressKey{}, progress), timeout)
	defer cancel()
	message.Notify = func(e delivery.Event) {
		if e.Step != delivery.StepConfirmed { // which is logged below, with the receipt
			logEvent(ctx, message.CaseID, e)
		}
		progress(progressText(e))
	}

	// Otherwise the first delivery would wait for credentials in the time that it has for a list.
	if err := client.Login(ctx); err != nil {
		diags.Append(deliveryDiagnostic(&delivery.NotPostedError{Err: err}, m))
		return delivery.Receipt{}
	}
	receipt, copies, err := p.deliverer.Deliver(ctx, message)
	warnings := copiesWarnings(copies, receipt, m)
	if err == nil {
		tflog.Info(ctx, "Case message: confirmed", map[string]any{
			"case_id": message.CaseID, "confirmed_by": string(receipt.ConfirmedBy), "request_id": receipt.RequestID, "resent": receipt.Resent,
		})
		warnings = append(receiptWarnings(receipt, m), warnings...)
	} else {
		diags.Append(deliveryDiagnostic(err, m))
	}
	for _, warning := range warnings {
		progress(warning.Detail())
		diags.Append(warning)
	}
	return receipt
}

// logEvent never logs the content: no event has it.
func logEvent(ctx context.Context, caseID string, e delivery.Event) {
	fields := map[string]any{"case_id": caseID, "attempt": e.Attempt}
	if e.Reason != "" {
		fields["reason"] = e.Reason
	}
	if e.Step == delivery.StepRetrying {
		fields["wait"] = e.Wait.String()
	}
	log := tflog.Info
	// The first search for an idempotency key is ordinary. Later checks are not.
	if e.Step == delivery.StepRetrying || e.Step == delivery.StepChecking && e.Attempt > 0 {
		log = tflog.Warn
	}
	log(ctx, "Case message: "+string(e.Step), fields)
}

// progressText describes a step to the user of an action.
func progressText(e delivery.Event) string {
	switch e.Step {
	case delivery.StepPosting:
		return fmt.Sprintf("Submitting the message (attempt %d)", e.Attempt)
	case delivery.StepChecking:
		return "Checking the ticket: " + e.Reason
	case delivery.StepRetrying:
		return fmt.Sprintf("Retrying in %s: %s", e.Wait.Round(time.Millisecond), e.Reason)
	default:
		return "The message is on the ticket"
	}
}
