package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// missingConfiguration is reported by the first API call that needs a setting
// that nobody has set.
func missingConfiguration(p *providerData) diag.Diagnostic {
	detail := "Nothing was sent: the provider is not configured."
	if p != nil {
		detail = "Nothing was sent: an API call needs more settings than the provider block and the environment have. Missing:\n\n  - " +
			strings.Join(p.missing, "\n  - ") +
			"\n\nSet the attribute in the provider block, or the environment variable in parentheses, and run it again."
	}
	return diag.NewErrorDiagnostic("Missing provider configuration", detail)
}

// Summaries of the errors of a submit.
const (
	notSubmittedSummary = "Unable to submit case message"
	unconfirmedSummary  = "Case message may or may not be on the ticket"
)

// submitDiagnostic turns an error of Submit into what the user reads: the outcome
// in a few words, the cause, what to do, and last the error as it is.
func submitDiagnostic(err error, m caseMessage) diag.Diagnostic {
	var (
		unconfirmed  *servicerequest.UnconfirmedError
		search       *servicerequest.SearchError
		conflict     *servicerequest.KeyConflictError
		notSubmitted *servicerequest.NotSubmittedError
	)
	a := advise(err, m.timeouts())
	summary, text := notSubmittedSummary, ""
	switch {
	case errors.As(err, &unconfirmed):
		summary, text = unconfirmedSummary, unconfirmedText(unconfirmed, m)
		a.at = ""
	case errors.As(err, &conflict):
		text = conflictText(conflict)
		a.at = "idempotency_key"
	case errors.As(err, &search):
		text = fmt.Sprintf("Nothing was sent: ticket %s could not be searched for the idempotency_key %q. %s.\n\n%s",
			search.CaseID, search.IdempotencyKey, capitalize(a.cause), a.todo)
	case !errors.As(err, &notSubmitted): // the service refused it, and would refuse it again
		text = "Not posted: " + a.cause + ".\n\n" + a.todo
	case notSubmitted.Checked:
		text = fmt.Sprintf("Not posted when last checked: the outcome of an attempt was unknown, and the ticket did not have the message afterwards. It may still arrive. "+
			"The last attempt failed: %s.\n\n%s\n\n%s", a.cause, a.todo, m.checkedAdvice())
	default:
		text = "Not posted: " + a.cause + ".\n\n" + a.todo
		if !m.Action {
			text += " It is safe to apply again."
		}
	}
	if m.Action {
		text += "\n\n" + actionAdvice
	}
	text += "\n\n" + capitalize(err.Error()) + "."
	if a.at != "" {
		return diag.NewAttributeErrorDiagnostic(path.Root(a.at), summary, text)
	}
	return diag.NewErrorDiagnostic(summary, text)
}

// actionAdvice is right for every event and every on_failure of an action_trigger.
const actionAdvice = "Run terraform plan to see what is left to do. An apply invokes the action again only if its event occurs again."

// timeouts is the attribute that bounds the submit.
func (m caseMessage) timeouts() string {
	if m.Action {
		return "timeouts.invoke"
	}
	return "timeouts.create"
}

// checkedAdvice is for a message that was not on the ticket when last checked.
func (m caseMessage) checkedAdvice() string {
	if m.IdempotencyKey.ValueString() != "" {
		return "Before the message is sent again, the ticket is searched for the idempotency_key. If the message has arrived by then, nothing is sent."
	}
	return "Check the ticket before you apply again. Or " + keyAdvice
}

const keyAdvice = "set idempotency_key to a part of the text that no other message on the ticket has, and apply again: " +
	"the ticket is then searched for it, and nothing is sent if the message is there."

func unconfirmedText(err *servicerequest.UnconfirmedError, m caseMessage) string {
	var text strings.Builder
	if err.Err == nil {
		text.WriteString("May be on the ticket: the outcome of another submit with the same idempotency_key is unknown. Nothing was sent this time.\n\n")
	} else {
		text.WriteString("May be on the ticket: the message was sent, but its outcome is unknown, and checking the ticket did not settle it.\n\n")
	}
	fmt.Fprintf(&text, "  ticket: %s\n", err.CaseID)
	if !err.Began.IsZero() {
		fmt.Fprintf(&text, "  sent:   %s\n", err.Began.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(&text, "  text:   %d characters\n", err.Length)
	if err.IdempotencyKey != "" {
		fmt.Fprintf(&text, "  key:    %s\n", err.IdempotencyKey)
	}
	text.WriteString("\n")
	if err.Denied {
		text.WriteString("The user of the credentials has no permission to read the ticket's messages. Ask the account's administrator for it.\n\n")
	}
	if err.IdempotencyKey != "" {
		text.WriteString("It is safe to apply again: before the message is sent, the ticket is searched for the idempotency_key. If the message is there, nothing is sent.")
		return text.String()
	}
	ifThere := "import it, or remove the resource from the configuration. If it is not, apply again."
	if m.Action {
		ifThere = "nothing more is needed."
	}
	text.WriteString("Do one of the following:\n" +
		"  - Check the ticket in the console. If the message is there, " + ifThere + "\n" +
		"  - " + capitalize(keyAdvice))
	return text.String()
}

func conflictText(err *servicerequest.KeyConflictError) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Nothing was sent: ticket %s has another message with the idempotency_key %q.\n\n", err.CaseID, err.IdempotencyKey)
	if err.Content != "" && err.Shown != "" { // one of the two may be secret
		fmt.Fprintf(&text, "  this message:  %s\n  on the ticket: %s\n\n", err.Content, err.Shown)
	}
	text.WriteString("If the message on the ticket is this one, import it: the data source servicerequest_case_messages lists the message IDs. Otherwise choose another key that no message on the ticket has.")
	return text.String()
}

// receiptWarnings are for a message that was delivered, but not as usual.
func receiptWarnings(r servicerequest.Receipt, m caseMessage) diag.Diagnostics {
	var diags diag.Diagnostics
	if r.ConfirmedBy == servicerequest.ByExisting {
		diags.AddAttributeWarning(path.Root("idempotency_key"), "The ticket already has this message", fmt.Sprintf(
			"Nothing was sent: ticket %s already has this message, with the idempotency_key %q.", m.CaseID.ValueString(), m.IdempotencyKey.ValueString()))
	}
	if r.Resent != "" {
		diags.AddWarning("Case message was sent again", fmt.Sprintf(
			"The message was sent to ticket %s again: the outcome of an earlier attempt was unknown (%s), and the ticket did not have the message when it was last checked. "+
				"The first message may still arrive. Then the ticket has it twice. An idempotency_key does not prevent that, but makes later runs safe.",
			m.CaseID.ValueString(), r.Resent))
	}
	return diags
}

// callDiagnostic is for every call but Submit: one that reads, or whose
// repetition is harmless.
func callDiagnostic(summary string, err error) diag.Diagnostic {
	a := advise(err, "")
	return diag.NewErrorDiagnostic(summary, capitalize(a.cause)+".\n\n"+a.todo+"\n\n"+capitalize(err.Error())+".")
}

func capitalize(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// maxSkew is what the gateway accepts between the two clocks of a signed request.
const maxSkew = 15 * time.Minute

// advice is what an error means to the user.
type advice struct {
	at    string // the attribute that is wrong, if one is
	cause string // a sentence without its capital and its full stop
	todo  string // sentences
}

// answers is the advice for an answer. The first row that fits applies.
var answers = []struct {
	code   string // error_code
	status int    // HTTP status; 0 is any
	mode   servicerequest.Mode
	advice
}{
	{code: "OSM.01010001", advice: advice{"", "the service refused a parameter",
		"Compare the attributes of the resource with the service's answer below."}},
	{code: "OSM.01010002", advice: advice{"case_id", "the service does not let this user work on this ticket, or the ticket is closed",
		"Read the service's text below. If the ticket is closed, reopen it or use another one. " +
			"Otherwise use the credentials of the ticket's owner, or set group_id to the IAM group that you share with the owner."}},
	{code: "OSM.01010005", advice: advice{"accessory_ids", "today's attachments exceed the daily limit",
		"Apply again tomorrow, or attach fewer."}},
	{code: "OSM.01010011", advice: advice{"", "the token names no customer",
		"Use a token that is scoped to the account (domain), of a user in that account."}},
	{code: "OSM.01010015", advice: advice{"case_id", "there is no such ticket at this endpoint",
		"Check case_id. Check also that the provider's endpoint is the site that has the ticket: China, International and Europe do not share tickets."}},
	{status: 400, advice: advice{"", "the service refused the request",
		"Compare the attributes of the resource with the service's answer below."}},
	{status: 413, advice: advice{"", "the request is larger than the 12 MB that the service accepts",
		"Send less."}},
	{status: 401, mode: servicerequest.ModeToken, advice: advice{"", "the token has expired, or is for another region",
		"A token lives for 24 hours, and dies within 30 minutes of a password or user change. " +
			"Get a new one from IAM (POST /v3/auth/tokens, header X-Subject-Token of the answer). " +
			"Or use an access key, which does not expire: set access_key and secret_key in the provider block, " +
			"or unset SERVICEREQUEST_TOKEN and HW_AUTH_TOKEN, which come before a key in the environment. Then apply again."}},
	{status: 401, mode: servicerequest.ModeAccessKey, advice: advice{"", "the signature was refused",
		"Check access_key and secret_key, that the key is active, security_token if the key is temporary, and that the endpoint belongs to the key's site."}},
	{status: 401, mode: servicerequest.ModePassword, advice: advice{"", "the token that IAM gave for user_name was refused, and so was a second one",
		"Check that auth_url and endpoint belong to the same site."}},
	{status: 403, advice: advice{"", "the user of the credentials has no permission for this call",
		"Ask the account's administrator for it, then apply again."}},
	{status: 404, advice: advice{"", "nothing answers at this path",
		"Check the provider's endpoint."}},
	{status: 429, advice: advice{"", "the service is throttling",
		"Apply again later, or with a lower -parallelism."}},
}

// advise returns the advice for an error. timeouts is the attribute that bounds
// the call, if one does.
func advise(err error, timeouts string) advice {
	var noTime *servicerequest.NoTimeError
	if errors.As(err, &noTime) {
		last := advise(noTime.Err, timeouts)
		who := "the next attempt has"
		if noTime.Asked {
			who = "the service asks"
		}
		return advice{"", fmt.Sprintf("%s to wait %s, but only %s of %s are left. The last attempt failed: %s",
			who, noTime.Wait, noTime.Left, timeouts, last.cause),
			"Apply again later, or raise " + timeouts + "."}
	}
	if errors.Is(err, context.Canceled) {
		return advice{"", "Terraform was interrupted", "Apply again."}
	}
	var api *servicerequest.APIError
	var login *servicerequest.LoginError
	fromIAM := errors.As(err, &login)
	switch isAnswer := errors.As(err, &api); {
	case !isAnswer:
		return adviseNoAnswer(err, timeouts, fromIAM)
	case fromIAM && api.Status/100 == 4 && api.Status != http.StatusTooManyRequests:
		return advice{"", "IAM gave no token",
			"Check user_name, password, domain_name and auth_url of the provider, then apply again. A refused password is not tried again, so that the account is not locked."}
	case fromIAM:
		return advice{"", "IAM gave no token",
			"Check auth_url of the provider. If it is right, IAM may be down: apply again later."}
	case isSkewed(api):
		return advice{"", "this machine's clock is probably wrong, since the signature was refused", fmt.Sprintf(
			"A signature's date may be at most 15 minutes off. Here it is %s, at the service %s. Set the clock, then apply again.",
			api.LocalTime.UTC().Format(time.RFC3339), api.ServiceTime.UTC().Format(time.RFC3339))}
	case api.Location != "" || api.Status/100 == 3:
		return advice{"", "the endpoint redirects, and the provider does not follow redirects",
			"A redirect could send the message twice, and the credentials to another server. Set the provider's endpoint to the service's own URL."}
	}
	for _, a := range answers {
		if (a.code == "" || a.code == api.Code) && (a.status == 0 || a.status == api.Status) && (a.mode == "" || a.mode == api.Mode) {
			return a.advice
		}
	}
	a := advice{"", fmt.Sprintf("the service answered with HTTP %d", api.Status), "If this persists, ask Huawei Cloud support."}
	if api.Code != "" {
		a.cause += " and the code " + api.Code
	}
	if api.RequestID != "" {
		a.todo = "If this persists, give Huawei Cloud support the request ID."
	}
	return a
}

// isSkewed reports whether the two clocks explain why a signature was refused.
func isSkewed(e *servicerequest.APIError) bool {
	return e.Mode == servicerequest.ModeAccessKey && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) &&
		!e.ServiceTime.IsZero() && e.LocalTime.Sub(e.ServiceTime).Abs() > maxSkew-time.Minute
}

// adviseNoAnswer is for a call that got no answer.
func adviseNoAnswer(err error, timeouts string, fromIAM bool) advice {
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded) && timeouts != "":
		return advice{"", "the time ran out",
			"To allow more, raise " + timeouts + ", or request_timeout of the provider for a single request."}
	case errors.Is(err, context.DeadlineExceeded):
		return advice{"", "the time ran out",
			"To allow more, raise request_timeout of the provider."}
	case errors.As(err, &certificate):
		return advice{"", "the server's certificate is not trusted here",
			"If a private authority issued it, set ca_cert_file of the provider to that authority's certificate."}
	case errors.As(err, &noTLS):
		return advice{"", "the server does not speak TLS at this port",
			"Check the URL that is set in the provider: https, and the port."}
	case fromIAM:
		return advice{"", "IAM could not be reached",
			"Check the network, a proxy, and auth_url of the provider."}
	case errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return advice{"", "the service could not be reached",
			"Check the network, a proxy, and the provider's endpoint."}
	}
	return advice{"", "the call failed",
		"The reason is below. If it is about the connection, check the network, a proxy, and the provider's endpoint."}
}
