package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// missingConfiguration is reported by the first call that needs what nobody gave.
func missingConfiguration(s *service) diag.Diagnostic {
	detail := "The provider is not configured."
	if s != nil {
		detail = "Nothing was sent: this call needs more than the provider's configuration and the environment have. Missing:\n\n  - " +
			strings.Join(s.missing, "\n  - ") +
			"\n\nSet the attribute in the provider block, or the environment variable in parentheses, and run it again."
	}
	return diag.NewErrorDiagnostic("Missing provider configuration", detail)
}

// submitDiagnostic turns an error of Submit into what the user reads: what
// happened, whether the message may be on the ticket, and what to do.
func submitDiagnostic(err error, m caseMessage) diag.Diagnostic {
	const summary = "Unable to submit case message"

	var unconfirmed *servicerequest.UnconfirmedError
	if errors.As(err, &unconfirmed) {
		return unconfirmedDiagnostic(unconfirmed, m)
	}

	onTicket := "The message is not on the ticket."
	var notSubmitted *servicerequest.NotSubmittedError
	switch {
	case !errors.As(err, &notSubmitted): // the service refused it, and would again
	case notSubmitted.Unsearched:
		onTicket = "Nothing was sent. A message of an earlier run may be on the ticket: it could not be searched for, or not for certain. " +
			"Look at the ticket in the console before you apply without deduplicate_window, which would post the message again."
	case notSubmitted.Looked:
		onTicket = "The message did not show on the ticket in several looks, so it counts as not submitted. " +
			"To be safe from a copy that shows later, set deduplicate_window when you apply again."
	default:
		onTicket += " It is safe to apply again."
	}
	at, advice := advise(err)
	text := err.Error() + ".\n\n" + onTicket
	var api *servicerequest.APIError
	if notSubmitted == nil || !notSubmitted.Unsearched || errors.As(err, &api) { // else the network may be fine, and the ticket not readable
		text += "\n\n" + advice
	}
	if m.Action {
		text += "\n\n" + invokeAdvice
	}
	if at != "" {
		return diag.NewAttributeErrorDiagnostic(path.Root(at), summary, text)
	}
	return diag.NewErrorDiagnostic(summary, text)
}

// invokeAdvice is for actions. What has triggered one after a change is done,
// and nothing triggers it again; one before a change has kept it from being made.
const invokeAdvice = "Run terraform plan to see whether the next apply invokes the action: it does if the event was one before a change, and it does not after one. " +
	"If the plan does not list the action, use terraform apply -invoke=ADDRESS, with the address of the action."

func unconfirmedDiagnostic(err *servicerequest.UnconfirmedError, m caseMessage) diag.Diagnostic {
	content := ""
	if err.Content != "" {
		content = "\n  content:     " + err.Content
	}
	ifThere, again := "take the resource out of the configuration or import it", "apply again"
	if m.Action {
		ifThere, again = "all is done", "invoke the action again"
	}
	text := fmt.Sprintf("The message may be on the ticket. The service's answer did not settle it, and neither did reading the ticket.\n\n"+
		"  ticket:      %s\n  submitted:   %s%s\n  answer:      %s\n  ticket read: %s\n\n"+
		"Do one of the following:\n"+
		"  - Look at the ticket in the console. If the message is there, %s; if not, %s.\n",
		err.CaseID, err.Began.UTC().Format(time.RFC3339), content, err.Err, err.LookErr, ifThere, again)
	set := "Set"
	if err.Denied {
		set = "Let the credentials read the ticket's messages, set"
	}
	text += "  - " + set + " deduplicate_window to more than the time since then, such as \"24h\", and " + again +
		": an identical message of at most that age is then adopted instead of posted once more. Where that cannot be told, nothing is sent."
	if m.Action {
		text += "\n\n" + invokeAdvice
	}
	return diag.NewErrorDiagnostic("Case message may or may not be on the ticket", text)
}

// callDiagnostic is for every call but Submit: one that reads, or whose
// repetition is harmless.
func callDiagnostic(summary string, err error) diag.Diagnostic {
	_, advice := advise(err)
	return diag.NewErrorDiagnostic(summary, err.Error()+".\n\n"+advice)
}

// maxSkew is what the gateway accepts between the two clocks of a signed request.
const maxSkew = 15 * time.Minute

// advice is what to do about an answer. The first that fits is given.
var advices = []struct {
	code   string // error_code
	status int    // HTTP status; 0 is any
	mode   servicerequest.Mode
	at     string // the resource's attribute that is to blame, if one is
	text   string
}{
	{code: "OSM.01010001", text: "The service refused a parameter. Check the attributes of the resource against the message above."},
	{code: "OSM.01010002", at: "case_id", text: "The user of the credentials has no permission for this ticket. Use the ticket owner's credentials, or set group_id " +
		"to the IAM group that you share with the owner."},
	{code: "OSM.01010005", at: "accessory_ids", text: "The attachments of today are over the daily limit. Apply again tomorrow, or send fewer."},
	{code: "OSM.01010011", text: "The token names no customer. Use one that is scoped to the account (domain), of a user in that account."},
	{code: "OSM.01010015", at: "case_id", text: "There is no such ticket at this endpoint. Check case_id, and that the provider's endpoint is the site which holds the ticket: " +
		"China, International and Europe do not share tickets."},
	{status: 400, text: "The service refused the request. Check the attributes of the resource against the message above."},
	{status: 413, text: "The request is over the service's 12 MB."},
	{status: 401, mode: servicerequest.ModeToken, text: tokenAdvice},
	{status: 401, mode: servicerequest.ModeAccessKey, text: "The signature was refused. Check access_key and secret_key, that the key is active, security_token if the key is temporary, and " +
		"that the endpoint is of the key's site."},
	{status: 401, mode: servicerequest.ModePassword, text: "The token that IAM gave for user_name was refused, and so was a second one. Check that auth_url and endpoint belong to the same site."},
	{status: 403, text: "The user of the credentials has no permission for this call. Ask the account's administrator for it, then apply again."},
	{status: 404, text: "Nothing answers at this path. Check the provider's endpoint."},
	{status: 429, text: "The service is throttling. Apply again later, or with a lower -parallelism."},
}

const tokenAdvice = "The token has expired (it lives for 24 hours, and dies within 30 minutes of a password or user change) or is of another region. " +
	"Get a new one from IAM (POST /v3/auth/tokens, header X-Subject-Token of the answer), or use an access key, which does not expire: set access_key and secret_key " +
	"in the provider block, or unset SERVICEREQUEST_TOKEN and HW_AUTH_TOKEN, which come before a key in the environment. Then apply again."

// advise gives the advice for an error, and the attribute that it is about.
func advise(err error) (at, text string) {
	var api *servicerequest.APIError
	var login *servicerequest.LoginError
	var certificate *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	fromIAM := errors.As(err, &login)
	if !errors.As(err, &api) {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return "", "The time ran out. To allow more, raise request_timeout of the provider for a single request, or timeouts where they can be set (timeouts.create, timeouts.invoke)."
		case errors.Is(err, context.Canceled):
			return "", "Terraform was interrupted."
		case errors.As(err, &certificate):
			return "", "The server's certificate is not trusted here. If a private authority issued it, set ca_cert_file of the provider to that authority's certificate."
		case errors.As(err, &noTLS):
			return "", "The server does not speak TLS at this port. Check the URL that is set in the provider: https, and the port."
		case fromIAM:
			return "", "Check the network, a proxy, and auth_url of the provider."
		}
		return "", "Check the network, a proxy, and the provider's endpoint."
	}
	if fromIAM {
		if api.Status/100 == 4 && api.Status != 429 {
			return "", "IAM gave no token. Check user_name, password, domain_name and auth_url of the provider, then apply again. A refused password is not tried again, so as not to lock the account."
		}
		return "", "IAM gave no token. Check auth_url of the provider. If it is right, IAM may be down: apply again later."
	}
	if skew := api.LocalTime.Sub(api.ServiceTime); api.Mode == servicerequest.ModeAccessKey && (api.Status == 401 || api.Status == 403) &&
		!api.ServiceTime.IsZero() && skew.Abs() > maxSkew-time.Minute {
		return "", fmt.Sprintf("The likely cause is this machine's clock: a signature's date may be at most 15 minutes off. Here it is %s, at the service %s. Set the clock, then apply again.",
			api.LocalTime.UTC().Format(time.RFC3339), api.ServiceTime.UTC().Format(time.RFC3339))
	}
	if api.Location != "" || api.Status/100 == 3 {
		return "", "The endpoint redirects, and the provider does not follow: the message could be sent twice and the credentials handed on. Set the provider's endpoint to the service's own URL."
	}
	for _, a := range advices {
		if (a.code == "" || a.code == api.Code) && (a.status == 0 || a.status == api.Status) && (a.mode == "" || a.mode == api.Mode) {
			return a.at, a.text
		}
	}
	if api.RequestID != "" {
		return "", "If this persists, give Huawei Cloud support the request ID."
	}
	return "", "If this persists, ask Huawei Cloud support."
}
