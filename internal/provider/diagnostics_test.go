package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/delivery"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// The documented answers of the service and the gateway to a submit, and what the error says.
func TestEveryAnswerIsExplained(t *testing.T) {
	t.Parallel()
	const notSubmitted, maybe = "Unable to submit case message\n", "Case message may or may not be on the ticket\n"
	for _, row := range []struct {
		status int
		code   string
		kind   string   // of the diagnostic, and where it points
		want   []string // the outcome, and other parts of the detail
	}{
		{200, "OSM.01010001", "error", []string{"Not posted: the service refused a parameter.", " characters, ", " UTF-16 units and "}},
		{200, "OSM.01010002", "error at case_id", []string{"Not posted: the ticket is closed, or the user of the credentials is not allowed to work on it.", "set group_id"}},
		{200, "OSM.01010005", "error at accessory_ids", []string{"Not posted: the daily size limit for attachments is exceeded."}},
		{200, "OSM.01010011", "error", []string{"Not posted: the token does not identify a customer.", "scoped to the account"}},
		{200, "OSM.01010015", "error at case_id", []string{"Not posted: there is no such ticket at this endpoint."}},
		{200, "OSM.09999999", "error", []string{"May be on the ticket: "}},
		{400, "OSM.0001", "error", []string{"Not posted: the service refused the request."}},
		{401, "OSM.0002", "error", []string{"Not posted: the token is invalid or expired, or belongs to another region.", "Get a new token from IAM"}},
		{403, "OSM.0003", "error", []string{"Not posted: the user of the credentials has no permission for this call."}},
		{404, "APIGW.0101", "error", []string{"Not posted: the endpoint has no such API.", "Check the provider's endpoint"}},
		{413, "APIGW.0201", "error", []string{"Not posted: the request is larger than the 12 MB"}},
		{429, "APIGW.0308", "error", []string{"Not posted: the service asks to wait 2m0s, but only ", " of timeouts.create remain. The last attempt failed: the service is throttling requests.", "It is safe to apply again."}},
	} {
		t.Run(fmt.Sprint(row.status, row.code), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, simulator.Options{Faults: []simulator.Fault{
				{Kind: "answer", Status: row.status, Code: row.code, RetryAfter: "3600"}, {Kind: "403", Operation: simulator.OpList},
			}})
			m := newProtocol(t, f, object{"max_retries": 0}).manage(t, caseMessageType)
			diagnostics := m.apply(message(object{"accessory_ids": []any{"a"}, "timeouts": object{"create": "1m"}}))
			summary, more := notSubmitted, row.want[1:]
			if strings.HasPrefix(row.want[0], "May be") {
				summary, more = maybe, []string{"  ticket: " + testCase + "\n", "  text:   22 characters\n", "HTTP 403 Forbidden, OSM.0003", "idempotency_key"}
			}
			wantOne(t, diagnostics, row.kind, append(more, summary+row.want[0],
				fmt.Sprintf("/message: HTTP %d %s, %s, Simulated fault, request ID ", row.status, http.StatusText(row.status), row.code))...)
			detail := diagnostics[0].Detail
			if strings.Contains(detail[:strings.LastIndex(detail, "\n\n")], "HTTP ") {
				t.Errorf("the HTTP answer is not in the last paragraph alone: %s", detail)
			}
			if strings.Contains(detail, "Release 1.4.0") || len(detail) > 2000 || !m.state.IsNull() {
				t.Errorf("detail of %d bytes, state %s: %s", len(detail), m.state, detail)
			}
			f.wantSubmits(t, 1)
		})
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 10, 22, 0, 0, 0, time.UTC)
	api := func(status int, code string, mode credentials.Mode) *servicerequest.APIError {
		return &servicerequest.APIError{Status: status, Code: code, Mode: mode, RequestID: "r", Signed: mode == credentials.ModeAccessKey, LocalTime: now, ServiceTime: now}
	}
	skewed := func(status int, mode credentials.Mode, skew time.Duration) error {
		e := api(status, "APIGW.0301", mode)
		e.ServiceTime = now.Add(skew)
		return e
	}
	none := func(issuer credentials.Issuer, err error) error { return &credentials.Error{Issuer: issuer, Err: err} }
	noDate := api(401, "APIGW.0301", credentials.ModeAccessKey)
	noDate.ServiceTime = time.Time{}
	noRequestID := api(500, "", credentials.ModeToken)
	noRequestID.RequestID = ""
	const clock = "the service refused the signature, probably because this machine's clock is wrong"
	for _, row := range []struct {
		name string
		err  error
		want []string // the cause, and a part of what to do
	}{
		{"no request ID", noRequestID, []string{"the service answered with HTTP 500", "ask Huawei Cloud support"}},
		{"key", api(401, "APIGW.0301", credentials.ModeAccessKey), []string{"the service refused the signature", "Check access_key and secret_key. A temporary key needs its security_token, and a permanent key none: unset an old HW_SECURITY_TOKEN. Check that domain_id"}},
		{"login's token", api(401, "APIGW.0307", credentials.ModePassword), []string{"the service refused the token that IAM issued for user_name, and also a second one", "auth_url"}},

		{"clock is slow", skewed(401, credentials.ModeAccessKey, 20*time.Minute), []string{clock, "Set the clock"}},
		{"clock is fast", skewed(403, credentials.ModeAccessKey, -20*time.Minute), []string{clock, "This machine's clock shows 2026-01-10T22:00:00Z, the service's 2026-01-10T21:40:00Z."}},
		{"clock is near", skewed(401, credentials.ModeAccessKey, 13*time.Minute), []string{"the service refused the signature", "Check access_key"}},
		{"clock does not matter to a token", skewed(401, credentials.ModeToken, time.Hour), []string{"the token is invalid or expired", ""}},
		{"clock does not matter to a throttle", skewed(429, credentials.ModeAccessKey, time.Hour), []string{"the service is throttling requests", ""}},
		{"no Date", noDate, []string{"the service refused the signature", "Check access_key"}},

		{"login", none(credentials.IssuerLogin, &credentials.RefusedError{Err: api(401, "", credentials.ModePassword)}), []string{"IAM refused to issue credentials", "Check user_name, password, domain_name and auth_url. Then apply again. The provider does not ask again in this run."}},
		{"login, IAM is down", none(credentials.IssuerLogin, api(503, "", credentials.ModePassword)), []string{"IAM issued no credentials", "Check auth_url."}},
		{"login, no connection", none(credentials.IssuerLogin, &net.DNSError{Err: "no such host"}), []string{"IAM could not be reached", "Check the network, the proxy if there is one, and auth_url."}},
		{"agency's clock", none(credentials.IssuerSTS, &credentials.RefusedError{Err: skewed(401, credentials.ModeAccessKey, 20*time.Minute)}), []string{clock, "Set the clock"}},
		{"agency's base", none(credentials.IssuerSTS, none("", &credentials.UnusableError{Err: errors.New("the file is encrypted")})), []string{"the file is encrypted", "Correct this"}},
		{"profile", api(401, "APIGW.0301", credentials.ModeProfile), []string{"the service refused the access key of the KooCLI profile", "log in again with KooCLI"}},
		{"expired", fmt.Errorf("POST: %w", servicerequest.ErrExpired), []string{"the credentials expired before the message could be sent", "duration"}},
		{"agency's keys", api(401, "APIGW.0301", credentials.ModeAgency), []string{"the service refused the credentials that were issued, and also second ones", "says how to find out"}},
		{"time", fmt.Errorf("late: %w", context.DeadlineExceeded), []string{"the call timed out", "raise timeouts.create, or the provider's request_timeout"}},
		{"no time to wait", fmt.Errorf("late: %w", &servicerequest.NoTimeError{Wait: 2 * time.Minute, Left: 40 * time.Second, Err: api(429, "", credentials.ModeToken)}),
			[]string{"the next attempt has to wait 2m0s, but only 40s of timeouts.create remain. The last attempt failed: the service is throttling requests", "raise timeouts.create"}},
		{"interrupt", fmt.Errorf("%w; the last attempt: %w", context.Canceled, api(429, "", credentials.ModeToken)), []string{"Terraform was interrupted", "Apply again."}},
		{"certificate", fmt.Errorf("tls: %w", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), []string{"the server's certificate is not trusted", "set the provider's ca_cert_file"}},
		{"proxy that refuses", fmt.Errorf("POST: %w", &servicerequest.ProxyError{Host: "proxy:3128", Status: 403}), []string{"the proxy proxy:3128 did not connect to the server: HTTP 403", "NO_PROXY"}},
		{"no TLS", fmt.Errorf("GET /: %w", tls.RecordHeaderError{Msg: "not TLS"}), []string{"the server does not use TLS on this port", "Check the port of the https URL in the provider configuration."}},
		{"redirect", fmt.Errorf("POST: %w", &servicerequest.APIError{Status: 307}), []string{"the endpoint redirects, and the provider does not follow redirects", "Set the provider's endpoint to the service's own URL."}},
		{"network", fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host"}), []string{"the service could not be reached", "Check the network, the proxy if there is one, and the provider's endpoint."}},
		{"something else", errors.New("Proxy Authentication Required"), []string{"the call failed", "See the reason below. If it is a connection problem, check the network, the proxy if there is one, and the provider's endpoint."}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := advise(row.err, "timeouts.create")
			if a.at != "" || !strings.HasPrefix(a.cause, row.want[0]) || !strings.Contains(a.todo, row.want[1]) {
				t.Errorf("%+v\nwant %q", a, row.want)
			}
		})
	}
	if a := advise(context.DeadlineExceeded, ""); strings.Contains(a.todo, "timeouts") || !strings.Contains(a.todo, "request_timeout") {
		t.Errorf("without a timeouts attribute: %+v", a)
	}
	if a := advise(&servicerequest.NoTimeError{Left: 40 * time.Second, Err: noRequestID}, ""); !strings.Contains(a.cause, "only 40s remain for the call.") || a.todo != "Apply again later." {
		t.Errorf("without a timeouts attribute: %+v", a)
	}
}

func TestDeliveryDiagnostic(t *testing.T) {
	t.Parallel()
	api := &servicerequest.APIError{Method: "POST", Path: "/p", Status: 403, Code: "OSM.0003", RequestID: "r"}
	const raw = "\n\nPOST /p: HTTP 403 Forbidden, OSM.0003, request ID r." // at the end
	key := types.StringValue("run 4711")
	unconfirmed := &delivery.UnconfirmedError{
		CaseID: "case-1", Length: 36, Began: time.Date(2026, 1, 10, 22, 0, 0, 0, time.FixedZone("", 3600)), Err: api, CheckErr: errors.New("cannot read"),
	}
	keyed := *unconfirmed
	keyed.Key = key.ValueString()
	pending := keyed
	pending.Err, pending.Began = nil, time.Time{}
	conflict := &delivery.KeyConflictError{CaseID: "case-1", Key: key.ValueString(), Content: "our words", Shown: "their words", Length: 9, ShownLength: 11, Part: 1}
	changed, secret := *conflict, *conflict
	changed.Changed = true
	secret.Content, secret.Shown, secret.Part = "", "", 0
	search := func(err error) error {
		return &delivery.SearchError{CaseID: "case-1", Key: key.ValueString(), Err: err}
	}
	noTime := &delivery.NotPostedError{Attempts: 1, Err: &servicerequest.NoTimeError{Wait: 2 * time.Minute, Left: 40 * time.Second, Err: api}}
	const notSubmitted, maybe = "Unable to submit case message", "Case message may or may not be on the ticket"
	for _, row := range []struct {
		name    string
		err     error
		message caseMessage
		summary string
		want    []string // the outcome, which is first, other parts, and what is last
		never   []string
	}{
		{"refused", &delivery.NotPostedError{Attempts: 1, Refused: true, Err: api}, caseMessage{}, notSubmitted,
			[]string{"Not posted: the user of the credentials has no permission for this call.\n\n", raw}, []string{"safe to apply"}},
		{"nothing sent", &delivery.NotPostedError{Err: errors.New("no key")}, caseMessage{}, notSubmitted,
			[]string{"Nothing was sent: the call failed.\n\n", "It is safe to apply again.", "\n\nNo key."}, []string{"attempts"}},
		{"not submitted", &delivery.NotPostedError{Attempts: 6, Err: &net.DNSError{Err: "no such host"}}, caseMessage{}, notSubmitted,
			[]string{"Not posted: the service could not be reached.\n\n", "It is safe to apply again.", "\n\nThe message was not posted (attempts: 6): lookup : no such host."}, []string{"plan"}},
		{"not there when last checked", &delivery.NotPostedError{Attempts: 2, Checked: true, Err: api}, caseMessage{}, notSubmitted,
			[]string{"Not posted when last checked: ", "It may still arrive.", "no permission for this call", "Check the ticket before you apply again. Give the next message an idempotency_key", "HTTP 403 Forbidden, OSM.0003, request ID r."},
			[]string{"safe"}},
		{"not there when last checked, with a key", &delivery.NotPostedError{Attempts: 2, Checked: true, Err: api}, caseMessage{IdempotencyKey: key}, notSubmitted,
			[]string{"Not posted when last checked: ", "It may still arrive.", "the ticket is searched for the idempotency_key", "HTTP 403 Forbidden, OSM.0003, request ID r."}, []string{"next message"}},
		{"no time, by an action", noTime, caseMessage{Action: true}, notSubmitted, []string{"Not posted: ", "40s of timeouts.invoke remain", "request ID r."}, []string{"timeouts.create"}},
		{"not searched", search(errors.New("the list lost messages")), caseMessage{IdempotencyKey: key}, notSubmitted,
			[]string{`Nothing was sent: ticket case-1 could not be searched for the idempotency_key "run 4711".`, "The message may be there from an earlier run. The search failed: the call failed.\n\n", "\n\nThe list lost messages."}, []string{"It is safe"}},
		{"key conflict", conflict, caseMessage{IdempotencyKey: key}, notSubmitted,
			[]string{`Nothing was sent: ticket case-1 has another message with the idempotency_key "run 4711", and a different text.`, "  this message:  our words\n  other message: their words\n  they differ from character 1 on\n",
				"If the other message is this one in another form, import it (the data source servicerequest_case_messages lists the message IDs), or remove the resource from the configuration. Otherwise choose a key that no other message on the ticket has."}, nil},
		{"key changed", &changed, caseMessage{IdempotencyKey: key}, notSubmitted,
			[]string{`Nothing was sent: ticket case-1 has a message that may be this one, with its idempotency_key "run 4711" changed by the service.`, "has."}, nil},
		{"key conflict of an action", conflict, caseMessage{Action: true, IdempotencyKey: key}, notSubmitted,
			[]string{"Nothing was sent: ", "  this message:  9 characters\n  other message: 11 characters\n  they differ from character 1 on\n", "If the other message is this one in another form, nothing more is needed. Otherwise choose a key", "\n\nRun terraform plan to see what is left to do. The next apply invokes the action again only if its event occurs again."}, []string{"import", "our words"}},
		{"key conflict after a throttle", &delivery.KeyConflictError{CaseID: "case-1", Key: key.ValueString(), Attempts: 1}, caseMessage{IdempotencyKey: key}, notSubmitted,
			[]string{"Not posted: ticket case-1 has another message", "."}, []string{"Nothing was sent"}},
		{"not searched after a throttle", &delivery.SearchError{CaseID: "case-1", Key: key.ValueString(), Attempts: 1, Err: api}, caseMessage{IdempotencyKey: key}, notSubmitted,
			[]string{"Not posted: ticket case-1 could not be searched", raw}, []string{"Nothing was sent"}},
		{"key conflict of a secret text", &secret, caseMessage{IdempotencyKey: key}, notSubmitted,
			[]string{"Nothing was sent: ", "import it", "."}, []string{"this message:", "other message:"}},
		{"unconfirmed", unconfirmed, caseMessage{}, maybe,
			[]string{"May be on the ticket: the outcome of an attempt is unknown,", "ticket: case-1\n", "sent:   2026-01-10T21:00:00Z\n", "text:   36 characters\n",
				"Check the ticket in the console. If the message is there, import it (the data source servicerequest_case_messages lists the message IDs), or remove the resource from the configuration. If it is not, apply again. Give the next message an idempotency_key",
				"POST /p: HTTP 403 Forbidden, OSM.0003, request ID r; the check of the ticket was inconclusive: cannot read."},
			[]string{"invoke", "no permission", "key:", "safe"}},
		{"unconfirmed, with a key", &keyed, caseMessage{IdempotencyKey: key}, maybe,
			[]string{"May be on the ticket: ", "key:    run 4711\n", "It is safe to apply again: before the message is sent, the ticket is searched for the idempotency_key.", "cannot read."},
			[]string{"Check the ticket", "next message"}},
		{"unconfirmed, nothing sent", &pending, caseMessage{IdempotencyKey: key}, maybe,
			[]string{"May be on the ticket: the outcome of another submit with the same idempotency_key is unknown. Nothing was sent this time.", "It is safe to apply again", "cannot read."}, []string{"sent: "}},
		{"unconfirmed, by an action", unconfirmed, caseMessage{Action: true}, maybe,
			[]string{"May be on the ticket: ", "If the message is there, nothing more is needed. If it is not, invoke the action again.", "\n\nRun terraform plan to see what is left to do. The next apply invokes the action again only if its event occurs again.\n\n", "cannot read."},
			[]string{"import it", "-invoke"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d := deliveryDiagnostic(row.err, row.message)
			if d.Severity() != diag.SeverityError || d.Summary() != row.summary {
				t.Errorf("%s: %s", d.Severity(), d.Summary())
			}
			wantAll(t, d.Detail(), row.want...)
			if !strings.HasPrefix(d.Detail(), row.want[0]) || !strings.HasSuffix(d.Detail(), row.want[len(row.want)-1]) {
				t.Errorf("does not begin with %q and end with %q:\n%s", row.want[0], row.want[len(row.want)-1], d.Detail())
			}
			for _, part := range row.never {
				if strings.Contains(d.Detail(), part) {
					t.Errorf("%q is in:\n%s", part, d.Detail())
				}
			}
		})
	}
	for _, row := range []struct {
		err error
		at  string
	}{{conflict, "idempotency_key"}, {search(&servicerequest.APIError{Status: 200, Code: "OSM.01010015"}), "case_id"}} {
		d, ok := deliveryDiagnostic(row.err, caseMessage{}).(diag.DiagnosticWithPath)
		if !ok || !d.Path().Equal(path.Root(row.at)) {
			t.Errorf("%v: not at %s", row.err, row.at)
		}
	}
}

// A second copy has two causes: another run, or this one.
func TestWhyThereAreCopies(t *testing.T) {
	t.Parallel()
	m := caseMessage{CaseID: types.StringValue("case-1"), IdempotencyKey: types.StringValue("run 1")}
	for _, row := range []struct {
		key, resent, want string
	}{
		{"run 1", "no answer", "This run sent it again, and the first copy has arrived, too."},
		{"run 2", "no answer", "Two runs of one commit are the most common cause"},
	} {
		got := copiesWarnings([]delivery.Copies{{Key: row.key, Count: 2}}, delivery.Receipt{Resent: row.resent}, m)
		if len(got) != 1 || !strings.Contains(got[0].Detail(), row.want) || !strings.Contains(got[0].Detail(), "case-1 has 2 messages with the idempotency_key \""+row.key) {
			t.Errorf("%+v: %v", row, got)
		}
	}
}
