package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/delivery"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// unusableConfiguration is reported by the first API call that needs settings that are not
// set, or that cannot be used.
func unusableConfiguration(p *providerData) diag.Diagnostic {
	if p == nil {
		return diag.NewErrorDiagnostic(missingConfigurationError, "Nothing was sent: the provider is not configured.")
	}
	summary, what := missingConfigurationError, "neither the provider block nor the environment has"
	todo := "Set the attributes in the provider block, or the environment variables in parentheses"
	if len(p.invalid) > 0 {
		summary, what, todo = invalidConfigurationError, "cannot be used", "Correct them"
	}
	return diag.NewErrorDiagnostic(summary, "Nothing was sent: an API call needs settings that "+what+":\n\n  - "+
		strings.Join(slices.Concat(p.invalid, p.missing), "\n  - ")+"\n\n"+todo+", and run Terraform again.")
}

// Summaries of all diagnostics. The guide on errors explains each.
const (
	missingConfigurationError   = "Missing provider configuration"
	invalidConfigurationError   = "Invalid provider configuration"
	conflictingCredentialsError = "Conflicting credentials"
	invalidError                = "Invalid "
	missingNameError            = "Missing name"
	unusableAttachmentError     = "Unusable attachment"
	notPostedError              = "Unable to submit case message"
	unconfirmedError            = "Case message may or may not be on the ticket"
	noIDError                   = "Unable to generate an ID"
	importError                 = "Unable to import case message"
	listError                   = "Unable to list case messages"
	readCaseError               = "Unable to read case"
	readMessagesError           = "Unable to read case messages"
	searchCasesError            = "Unable to search cases"
	uploadError                 = "Unable to upload the attachment"
	deleteError                 = "Unable to delete the attachment"

	existingWarning         = "The ticket already has this message"
	copiesWarning           = "The ticket has this message more than once"
	resentWarning           = "Case message was sent again"
	sameKeyWarning          = "The idempotency_key stays the same"
	messageStaysWarning     = "The message stays on the ticket"
	missingFileWarning      = "The file is missing"
	controlCharacterWarning = "Control character in the text"
	fileTypeWarning         = "Undocumented type of attachment"
	incompleteListWarning   = "Incomplete list"
	moreCasesWarning        = "More cases than listed"
	insecureWarning         = "Server certificates are not verified"
)

// deliveryDiagnostic explains an error of Deliver: the outcome in a few words, the
// cause, what to do, and last the error itself for support, if it adds anything.
func deliveryDiagnostic(err error, m caseMessage) diag.Diagnostic {
	var (
		unconfirmed *delivery.UnconfirmedError
		search      *delivery.SearchError
		conflict    *delivery.KeyConflictError
		notPosted   *delivery.NotPostedError
	)
	a := advise(err, m.timeoutName())
	summary, text, raw := notPostedError, "", err
	switch {
	case errors.As(err, &unconfirmed):
		summary, text = unconfirmedError, unconfirmedText(unconfirmed, m)
		a.at = ""
	case errors.As(err, &conflict):
		text, raw = conflictText(conflict, m), nil // the text says it all
		a.at = "idempotency_key"
	case errors.As(err, &search):
		text = fmt.Sprintf("%sticket %s could not be searched for the idempotency_key %q. The message may be there from an earlier run. "+
			"The search failed: %s.\n\n%s", notSent(search.Attempts), search.CaseID, search.Key, a.cause, a.todo)
		raw = search.Err
	case errors.As(err, &notPosted) && notPosted.Checked:
		text = fmt.Sprintf("Not posted when last checked: the outcome of an attempt was unknown, and a check did not find the message on the ticket. It may still arrive. "+
			"The last attempt failed: %s.\n\n%s\n\n%s", a.cause, a.todo, m.checkedAdvice())
	default:
		text = notSent(notPosted.Attempts) + a.cause + ".\n\n" + a.todo
		if !m.Action && !notPosted.Refused {
			text += " It is safe to apply again."
		}
		if notPosted.Refused || notPosted.Attempts == 0 {
			raw = notPosted.Err
		}
	}
	var api *servicerequest.APIError
	if errors.As(err, &api) && api.Cause() == servicerequest.CauseParameters {
		// A service may count a text in each of these ways.
		sent := delivery.Keyed(m.IdempotencyKey.ValueString(), m.Content.ValueString())
		text += fmt.Sprintf("\n\nThe text that was sent has %d characters, %d UTF-16 units and %d bytes.",
			utf8.RuneCountInString(sent), len(utf16.Encode([]rune(sent))), len(sent))
	}
	if m.Action {
		text += "\n\n" + actionAdvice
	}
	if raw != nil {
		text += "\n\n" + capitalize(raw.Error()) + "."
	}
	if a.at != "" {
		return diag.NewAttributeErrorDiagnostic(path.Root(a.at), summary, text)
	}
	return diag.NewErrorDiagnostic(summary, text)
}

// notSent says that a message is not on the ticket after so many attempts.
func notSent(attempts int) string {
	if attempts == 0 {
		return "Nothing was sent: "
	}
	return "Not posted: "
}

// actionAdvice holds for every event and every on_failure of an action_trigger.
const actionAdvice = "Run terraform plan to see what is left to do. The next apply invokes the action again only if its event occurs again."

// timeoutName is the attribute that bounds the delivery.
func (m caseMessage) timeoutName() string {
	if m.Action {
		return "timeouts.invoke"
	}
	return "timeouts.create"
}

// Advice for a message that may be on the ticket.
const (
	searchedAdvice  = "before the message is sent, the ticket is searched for the idempotency_key. If the message is there, nothing is sent."
	nextTimeAdvice  = "Give the next message an idempotency_key. Then the provider finds out by itself."
	serialiseAdvice = "Two runs of one commit are the most common cause: let the pipeline run one deployment at a time. The guide on pipelines shows how."
)

// presentAdvice is for a message that is on the ticket.
func (m caseMessage) presentAdvice() string {
	if m.Action {
		return "nothing more is needed"
	}
	return "import it (the data source servicerequest_case_messages lists the message IDs), or remove the resource from the configuration"
}

// checkedAdvice is for a message that was not on the ticket when last checked.
func (m caseMessage) checkedAdvice() string {
	if m.IdempotencyKey.ValueString() != "" {
		return capitalize(searchedAdvice)
	}
	return "Check the ticket before you apply again. " + nextTimeAdvice
}

func unconfirmedText(err *delivery.UnconfirmedError, m caseMessage) string {
	var text strings.Builder
	if err.Err == nil {
		text.WriteString("May be on the ticket: the outcome of another submit with the same idempotency_key is unknown. Nothing was sent this time.\n\n")
	} else {
		text.WriteString("May be on the ticket: the outcome of an attempt is unknown, and the check of the ticket was inconclusive.\n\n")
	}
	fmt.Fprintf(&text, "  ticket: %s\n", err.CaseID)
	if !err.Began.IsZero() {
		fmt.Fprintf(&text, "  sent:   %s\n", err.Began.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(&text, "  text:   %d characters\n", err.Length)
	if err.Key != "" {
		fmt.Fprintf(&text, "  key:    %s\n", err.Key)
	}
	text.WriteString("\n")
	if servicerequest.IsPermissionDenied(err.CheckErr) {
		text.WriteString("The user of the credentials has no permission to read the ticket's messages. Ask the account's administrator for this permission.\n\n")
	}
	if err.Key != "" {
		text.WriteString("It is safe to apply again: " + searchedAdvice)
		return text.String()
	}
	ifNot := "apply again"
	if m.Action {
		ifNot = "invoke the action again"
	}
	fmt.Fprintf(&text, "Check the ticket in the console. If the message is there, %s. If it is not, %s. %s", m.presentAdvice(), ifNot, nextTimeAdvice)
	return text.String()
}

func conflictText(err *delivery.KeyConflictError, m caseMessage) string {
	other := fmt.Sprintf("another message with the idempotency_key %q, and a different text", err.Key)
	if err.Changed {
		other = fmt.Sprintf("a message that may be this one, with its idempotency_key %q changed by the service", err.Key)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%sticket %s has %s.\n\n", notSent(err.Attempts), err.CaseID, other)
	switch {
	case err.Part == 0: // one of the two is secret
	case m.Action: // it has no content_wo, so any text may be secret
		fmt.Fprintf(&text, "  this message:  %d characters\n  other message: %d characters\n  they differ from character %d on\n\n", err.Length, err.ShownLength, err.Part)
	default:
		fmt.Fprintf(&text, "  this message:  %s\n  other message: %s\n  they differ from character %d on\n\n", err.Content, err.Shown, err.Part)
	}
	fmt.Fprintf(&text, "If the other message is this one in another form, %s. Otherwise choose a key that no other message on the ticket has.", m.presentAdvice())
	return text.String()
}

// receiptWarnings are for a message that was delivered, but not as usual.
func receiptWarnings(r delivery.Receipt, m caseMessage) diag.Diagnostics {
	var diags diag.Diagnostics
	if r.ConfirmedBy == delivery.ByExisting {
		text := fmt.Sprintf("%sticket %s already has this message, with the idempotency_key %q.", notSent(r.Attempts), m.CaseID.ValueString(), m.IdempotencyKey.ValueString())
		if r.Cut {
			text += " The ticket shows only the beginning of the message, so only this could be compared."
		}
		if r.Copies > 1 {
			text += fmt.Sprintf(" The ticket has %d messages with this key and text.", r.Copies)
		}
		diags.AddAttributeWarning(path.Root("idempotency_key"), existingWarning, text)
	}
	if r.Resent != "" {
		diags.AddWarning(resentWarning, fmt.Sprintf(
			"The message is on ticket %s. It was sent again: the outcome of an earlier attempt was unknown (%s), and the last check did not find the message on the ticket. "+
				"If the first copy still arrives, the ticket has the message twice. Check the ticket later.",
			m.CaseID.ValueString(), r.Resent))
	}
	return diags
}

// copiesWarnings are for messages of this run that a ticket has more than once.
func copiesWarnings(copies []delivery.Copies, r delivery.Receipt, m caseMessage) diag.Diagnostics {
	var diags diag.Diagnostics
	for _, c := range copies {
		why := "An idempotency_key is not a lock: two runs that search the ticket at the same time may both post. " + serialiseAdvice
		if r.Resent != "" && c.Key == m.IdempotencyKey.ValueString() {
			why = "This run sent it again, and the first copy has arrived, too."
		}
		diags.AddWarning(copiesWarning, fmt.Sprintf("Ticket %s has %d messages with the idempotency_key %q and the same text. %s",
			m.CaseID.ValueString(), c.Count, c.Key, why))
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

// advice is what an error means to the user.
type advice struct {
	at    string // the attribute that is wrong, if one is
	cause string // a sentence without its capital letter and full stop
	todo  string // sentences
}

// answers is the advice for an answer. The first row that fits applies.
var answers = []struct {
	why  servicerequest.Cause
	mode credentials.Mode // empty is any
	advice
}{
	{why: servicerequest.CauseParameters, advice: advice{"", "the service refused a parameter",
		"Compare the configuration with the service's answer below."}},
	{why: servicerequest.CauseNotPermitted, advice: advice{"case_id", "the ticket is closed, or the user of the credentials is not allowed to work on it",
		"Read the service's answer below. If the ticket is closed, reopen it or use another one. " +
			"Otherwise use the credentials of the ticket's owner, or set group_id to the IAM group that you share with the owner."}},
	{why: servicerequest.CauseDailySize, advice: advice{"accessory_ids", "the daily size limit for attachments is exceeded",
		"Apply again tomorrow, or attach fewer or smaller files."}},
	{why: servicerequest.CauseNoCustomer, advice: advice{"", "the token does not identify a customer",
		"Use a token that is scoped to the account (domain) and belongs to a user in that account."}},
	{why: servicerequest.CauseNoCase, advice: advice{"case_id", "there is no such ticket at this endpoint",
		"Check case_id, and check that the provider's endpoint is that of the ticket's site: China, International and Europe do not share tickets."}},
	{why: servicerequest.CauseBadRequest, advice: advice{"", "the service refused the request",
		"Compare the configuration with the service's answer below."}},
	{why: servicerequest.CauseTooLarge, advice: advice{"", "the request is larger than the 12 MB that the service accepts",
		"Send a shorter text or a smaller file."}},
	{why: servicerequest.CauseUnauthenticated, mode: credentials.ModeToken, advice: advice{"", "the token is invalid or expired, or belongs to another region",
		"A token is valid for 24 hours. A change of the user or the password invalidates it within 30 minutes. " +
			"Get a new token from IAM (POST /v3/auth/tokens returns it in the X-Subject-Token header). " +
			"Or use an access key, which does not expire: set access_key and secret_key in the provider block, " +
			"or set HW_ACCESS_KEY and HW_SECRET_KEY and unset SERVICEREQUEST_TOKEN and HW_AUTH_TOKEN, which take precedence. Then apply again."}},
	{why: servicerequest.CauseUnauthenticated, mode: credentials.ModeAccessKey, advice: advice{"", "the service refused the signature",
		"Check access_key and secret_key. A temporary key needs its security_token, and a permanent key none: unset an old HW_SECURITY_TOKEN. Check that domain_id, if it is set, is the account's, that the key is active, and that the endpoint belongs to the key's site."}},
	{why: servicerequest.CauseUnauthenticated, mode: credentials.ModePassword, advice: advice{"", "the service refused the token that IAM issued for user_name, and also a second one",
		"Check that auth_url and endpoint belong to the same site."}},
	{why: servicerequest.CauseUnauthenticated, mode: credentials.ModeProfile, advice: advice{"", "the service refused the access key of the KooCLI profile",
		"Check the profile. The keys of a profile of the mode SSO are temporary: log in again with KooCLI, then apply again."}},
	{why: servicerequest.CauseUnauthenticated, advice: advice{"", "the service refused the credentials that were issued, and also second ones",
		"Check that the endpoint and the issuer belong to the same site, that the agency has permissions for tickets, and that domain_id is set for an ECS server. " +
			"No page of Huawei Cloud says whether the ticket service accepts an agency's keys: the guide \"Credentials and secrets\" says how to find out."}},
	{why: servicerequest.CauseForbidden, advice: advice{"", "the user of the credentials has no permission for this call",
		"Ask the account's administrator for this permission, then apply again."}},
	{why: servicerequest.CauseNotFound, advice: advice{"", "the endpoint has no such API",
		"Check the provider's endpoint."}},
	{why: servicerequest.CauseThrottled, advice: advice{"", "the service is throttling requests",
		"Apply again later, or with a lower -parallelism."}},
}

// advise returns the advice for an error. timeouts is the attribute that bounds
// the call, if one does.
func advise(err error, timeouts string) advice {
	var noTime *servicerequest.NoTimeError
	var api *servicerequest.APIError
	var none *credentials.Error
	isAnswer := errors.As(err, &api)
	switch {
	case errors.As(err, &noTime):
		last := advise(noTime.Err, timeouts)
		who := "the next attempt has"
		if noTime.Asked {
			who = "the service asks"
		}
		left, todo := "remain for the call", "Apply again later."
		if timeouts != "" {
			left, todo = "of "+timeouts+" remain", "Apply again later, or raise "+timeouts+"."
		}
		return advice{"", fmt.Sprintf("%s to wait %s, but only %s %s. The last attempt failed: %s", who, noTime.Wait, noTime.Left, left, last.cause), todo}
	case errors.Is(err, context.Canceled):
		return advice{"", "Terraform was interrupted", "Apply again."}
	case errors.Is(err, servicerequest.ErrExpired):
		return advice{"", "the credentials expired before the message could be sent, again and again", "Ask the issuer for a longer life: see duration in the provider block."}
	case isAnswer && api.Cause() == servicerequest.CauseClockSkew: // an issuer's, too
		return advice{"", "the service refused the signature, probably because this machine's clock is wrong", fmt.Sprintf(
			"The date of a signature may be at most 15 minutes off. This machine's clock shows %s, the service's %s. Set the clock, then apply again.",
			api.LocalTime.UTC().Format(time.RFC3339), api.ServiceTime.UTC().Format(time.RFC3339))}
	case errors.As(err, &none):
		return adviseNoCredentials(none, timeouts)
	case !isAnswer:
		return adviseNoAnswer(err, timeouts, "the service", "the provider's endpoint")
	case api.Cause() == servicerequest.CauseRedirect:
		return advice{"", strings.TrimSpace("the endpoint "+api.Endpoint) + " redirects, and the provider does not follow redirects",
			"Following a redirect could send the message twice, or the credentials to another server. Set the provider's endpoint to the service's own URL."}
	}
	for _, a := range answers {
		if a.why == api.Cause() && (a.mode == "" || a.mode == api.Mode) {
			return a.advice
		}
	}
	a := advice{"", fmt.Sprintf("the service answered with HTTP %d", api.Status), "If this persists, ask Huawei Cloud support."}
	if api.Code != "" {
		a.cause += " and the code " + api.Code
	}
	if api.RequestID != "" {
		a.todo = "If this persists, give Huawei Cloud support the request ID below."
	}
	return a
}

// issuers are the settings that decide what an issuer answers, and where it is.
var issuers = map[credentials.Issuer]struct{ settings, at string }{
	credentials.IssuerLogin:    {"user_name, password, domain_name and auth_url", "auth_url"},
	credentials.IssuerExchange: {"auth_url, idp_id, domain_name or domain_id, and the audience of the ID token", "auth_url"},
	credentials.IssuerAgency:   {"the access key that assumes the agency, agency_name, domain_name or domain_id, duration, the trust of the agency, and auth_url", "auth_url"},
	credentials.IssuerAccount:  {"auth_url, or set domain_id", "auth_url. Or set domain_id"},
	credentials.IssuerSTS:      {"the access key or the ID token with its audience, sts_endpoint, the URNs, duration, and the trust policy of the agency", "sts_endpoint"},
	credentials.IssuerGitHub:   {"the job's permission id-token: write, and audience", "the job's permission id-token: write"},
	credentials.IssuerPod:      {"the pod's service account and its agency", "HC_CONTAINER_CREDENTIALS_FULL_URI"},
	credentials.IssuerMetadata: {"the agency of the server", "that this is an ECS server"},
}

// adviseNoCredentials is for credentials that were not issued.
func adviseNoCredentials(none *credentials.Error, timeouts string) advice {
	for errors.As(none.Err, &none) { // the agency's base has none
	}
	var unusable *credentials.UnusableError
	issuer := issuers[none.Issuer]
	switch {
	case errors.As(none, &unusable):
		return advice{"", unusable.Error(), "Correct this, then apply again."}
	case errors.As(none, new(*credentials.RefusedError)):
		return advice{"", string(none.Issuer) + " refused to issue credentials",
			"Check " + issuer.settings + ". Then apply again. The provider does not ask again in this run."}
	case errors.As(none, new(*servicerequest.APIError)):
		return advice{"", string(none.Issuer) + " issued no credentials",
			"Check " + issuer.at + ". If it is correct, the issuer may be unavailable: apply again later."}
	}
	return adviseNoAnswer(none, timeouts, string(none.Issuer), issuer.at)
}

// adviseNoAnswer is for a call that got no answer from who is at setting.
func adviseNoAnswer(err error, timeouts, who, setting string) advice {
	var proxy *servicerequest.ProxyError
	switch {
	case errors.Is(err, context.DeadlineExceeded) && timeouts != "":
		return advice{"", "the call timed out",
			"To allow more time, raise " + timeouts + ", or the provider's request_timeout for a single request."}
	case errors.Is(err, context.DeadlineExceeded):
		return advice{"", "the call timed out",
			"To allow more time, raise the provider's request_timeout."}
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return advice{"", "the server's certificate is not trusted",
			"If a private certificate authority issued it, set the provider's ca_cert_file to that authority's certificate."}
	case servicerequest.IsHandshakeRefused(err):
		return advice{"", "the server ended the TLS handshake",
			"It may accept no TLS version or cipher of the provider, which needs TLS 1.2 or later, or ask for a client certificate, which the provider does not have. Check the URL in the provider configuration, and the proxy if there is one."}
	case errors.As(err, &proxy) && proxy.Status == http.StatusProxyAuthRequired:
		return advice{"", "the proxy " + proxy.Host + " wants a user name and a password",
			"Set the right ones in HTTPS_PROXY, or list the host in NO_PROXY."}
	case errors.As(err, &proxy):
		return advice{"", fmt.Sprintf("the proxy %s did not connect to the server: HTTP %d", proxy.Host, proxy.Status),
			"Ask who runs the proxy, or list the host in NO_PROXY."}
	case errors.As(err, new(tls.RecordHeaderError)):
		return advice{"", "the server does not use TLS on this port",
			"Check the port of the https URL in the provider configuration."}
	case errors.As(err, new(net.Error)) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return advice{"", who + " could not be reached",
			"Check the network, the proxy if there is one, and " + setting + "."}
	}
	return advice{"", "the call failed",
		"See the reason below. If it is a connection problem, check the network, the proxy if there is one, and " + setting + "."}
}
