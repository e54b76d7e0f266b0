package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// answerRows are answers to a submit as the service and the gateway document
// them, and what the user is told.
var answerRows = []struct {
	name   string
	status int
	body   string
	line   string   // of the configuration, that the diagnostic points at; "" is the resource
	want   []string // parts of the detail
}{
	{"parameter", 200, `{"error_code":"OSM.01010001","error_msg":"bad parameter"}`, "",
		[]string{"HTTP 200 OK, OSM.01010001, bad parameter, request ID req-parameter.", "The message is not on the ticket.", "The service refused a parameter."}},
	{"permission", 200, `{"error_code":"OSM.01010002","error_msg":"no permission"}`, `case_id = "permission"`,
		[]string{"HTTP 200 OK, OSM.01010002, no permission, request ID req-permission.", "has no permission for this ticket", "set group_id"}},
	{"attachments", 200, `{"error_code":"OSM.01010005","error_msg":"daily size"}`, `accessory_ids = ["a"]`,
		[]string{"HTTP 200 OK, OSM.01010005, daily size, request ID req-attachments.", "over the daily limit"}},
	{"customer", 200, `{"error_code":"OSM.01010011","error_msg":"no customer"}`, "",
		[]string{"HTTP 200 OK, OSM.01010011, no customer, request ID req-customer.", "The token names no customer.", "scoped to the account"}},
	{"no_case", 200, `{"error_code":"OSM.01010015","error_msg":"no case"}`, `case_id = "no_case"`,
		[]string{"HTTP 200 OK, OSM.01010015, no case, request ID req-no_case.", "There is no such ticket at this endpoint."}},
	{"other", 200, `{"error_code":"OSM.09999999"}`, "",
		[]string{"HTTP 200 OK, OSM.09999999, request ID req-other.", "The message is not on the ticket.", "give Huawei Cloud support the request ID"}},
	{"failed_14", 200, `{"error_code":"OSM.01010014","error_msg":"操作失败"}`, "",
		[]string{"The message may be on the ticket.", "HTTP 200 OK, OSM.01010014, 操作失败, request ID req-failed_14"}},
	{"failed_17", 200, `{"error_code":"OSM.01010017","error_msg":"operation failed"}`, "",
		[]string{"The message may be on the ticket.", "HTTP 200 OK, OSM.01010017, operation failed, request ID req-failed_17"}},

	{"osm_400", 400, `{"error_code":"OSM.0001","error_msg":"bad"}`, "",
		[]string{"HTTP 400 Bad Request, OSM.0001, bad, request ID req-osm_400.", "The message is not on the ticket.", "The service refused the request."}},
	{"osm_401", 401, `{"error_code":"OSM.0002","error_msg":"expired"}`, "",
		[]string{"HTTP 401 Unauthorized, OSM.0002, expired, request ID req-osm_401.", "The message is not on the ticket.", "The token has expired", "is of another region", "Get a new one from IAM"}},
	{"osm_403", 403, `{"error_code":"OSM.0003","error_msg":"forbidden"}`, "",
		[]string{"HTTP 403 Forbidden, OSM.0003, forbidden, request ID req-osm_403.", "no permission for this call"}},
	{"osm_500", 500, `{"error_code":"OSM.0004","error_msg":"internal"}`, "",
		[]string{"The message may be on the ticket.", "HTTP 500 Internal Server Error, OSM.0004, internal, request ID req-osm_500"}},
	{"gw_0301", 401, `{"error_code":"APIGW.0301","error_msg":"wrong"}`, "",
		[]string{"HTTP 401 Unauthorized, APIGW.0301, wrong, request ID req-gw_0301.", "The token has expired"}},
	{"gw_0307", 401, `{"error_code":"APIG.0307","error_msg":"update"}`, "",
		[]string{"HTTP 401 Unauthorized, APIG.0307, update, request ID req-gw_0307.", "is of another region"}},
	{"gw_0308", 429, `{"error_code":"APIGW.0308","error_msg":"throttled"}`, "",
		[]string{"HTTP 429 Too Many Requests, APIGW.0308, throttled, request ID req-gw_0308.", "It is safe to apply again.", "The service is throttling."}},
	{"gw_413", 413, `{"error_code":"APIGW.0201","error_msg":"large"}`, "",
		[]string{"HTTP 413 Request Entity Too Large, APIGW.0201, large, request ID req-gw_413.", "over the service's 12 MB"}},
	{"gw_502", 502, `{"error_code":"APIGW.0201","error_msg":"backend"}`, "",
		[]string{"The message may be on the ticket.", "HTTP 502 Bad Gateway, APIGW.0201, backend, request ID req-gw_502"}},
	{"gw_503", 503, `{"error_code":"APIGW.0613","error_msg":"unavailable"}`, "",
		[]string{"The message may be on the ticket.", "HTTP 503 Service Unavailable, APIGW.0613, unavailable, request ID req-gw_503"}},
	{"gw_504", 504, `{"error_code":"APIGW.0201","error_msg":"timeout"}`, "",
		[]string{"The message may be on the ticket.", "HTTP 504 Gateway Timeout, APIGW.0201, timeout, request ID req-gw_504"}},
	{"gw_404", 404, `{"error_code":"APIGW.0101","error_msg":"no such API"}`, "",
		[]string{"HTTP 404 Not Found, APIGW.0101, no such API, request ID req-gw_404.", "Check the provider's endpoint"}},

	{"page_403", 403, "<html>\n<body>Blocked by\x1b[31m policy</body></html>" + strings.Repeat(" filler", 100), "",
		[]string{"HTTP 403 Forbidden, body: <html> <body>Blocked by [31m policy</body></html> filler", "…, request ID req-page_403."}},
	{"page_200", 200, "<!DOCTYPE html><title>Sign in</title>", "",
		[]string{"The message may be on the ticket.", "HTTP 200 OK, body: <!DOCTYPE html><title>Sign in</title>, request ID req-page_200"}},
	{"huge", 200, "", "",
		[]string{"The message may be on the ticket.", "HTTP 200 OK, body: xxx", "(the body is longer than "}},
	{"redirect", 307, "", "",
		[]string{"HTTP 307 Temporary Redirect, redirect to http://elsewhere.example.com, request ID req-redirect.", "The message is not on the ticket.", "The endpoint redirects, and the provider does not follow"}},
	{"redirect_here", 308, "", "",
		[]string{"HTTP 308 Permanent Redirect", "The endpoint redirects, and the provider does not follow"}},
	// Go would follow this one with a GET, and hand the token on.
	{"redirect_found", 302, "", "",
		[]string{"HTTP 302 Found", "The endpoint redirects, and the provider does not follow"}},
	{"echo", 403, `{"error_code":"OSM.0003","error_msg":"TOKEN is bad"}`, "",
		[]string{"OSM.0003, *** is bad, request ID"}},
}

// scripted is a service that answers by the ticket that it is asked for, and
// lists nothing.
func scripted(t *testing.T) (url string, posts, followed *atomic.Int64) {
	t.Helper()
	posts, followed = &atomic.Int64{}, &atomic.Int64{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/servicerequest/cases/{id}/message", func(w http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		for _, row := range answerRows {
			if row.name != r.PathValue("id") {
				continue
			}
			w.Header().Set("X-Request-Id", "req-"+row.name)
			switch row.name {
			case "redirect":
				w.Header().Set("Location", "http://elsewhere.example.com/login?token=x")
			case "redirect_here", "redirect_found":
				w.Header().Set("Location", "/followed")
			}
			w.WriteHeader(row.status)
			if row.name == "huge" {
				chunk := []byte(strings.Repeat("x", 1<<20))
				for range 100 {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			}
			_, _ = w.Write([]byte(strings.ReplaceAll(row.body, "TOKEN", testToken)))
		}
	})
	mux.HandleFunc("GET /v2/servicerequest/cases/{id}/messages", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error_code":"OSM.0003","error_msg":"may not read"}`))
	})
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, posts, followed
}

// All rows in one apply, each a resource in a file of its own.
func TestEveryAnswerIsExplained(t *testing.T) {
	t.Parallel()
	url, posts, followed := scripted(t)
	files := map[string]string{"main.tf": requiredProvider + fmt.Sprintf(`
provider "servicerequest" {
  endpoint    = %q
  token       = %q
  max_retries = 0
}`, url, testToken)}
	for _, row := range answerRows {
		files[row.name+".tf"] = fmt.Sprintf(`
resource "servicerequest_case_message" %[1]q {
  case_id = %[1]q
  content = "a text of %[1]s"
  accessory_ids = ["a"]
}`, row.name)
	}
	c := newCLI(t, files)
	r := c.fail("apply", "-json", "-auto-approve", "-parallelism=30")
	got := r.diagnostics()
	for _, row := range answerRows {
		t.Run(row.name, func(t *testing.T) {
			mine := about(got, row.name+".tf")
			if len(mine) != 1 {
				t.Fatalf("%d diagnostics: %+v", len(mine), mine)
			}
			d := mine[0]
			want := append([]string{"POST /v2/servicerequest/cases/" + row.name + "/message: "}, row.want...)
			wantAll(t, d.Detail, want...)
			summary := "Unable to submit case message"
			if strings.HasPrefix(row.want[0], "The message may be") {
				summary = "Case message may or may not be on the ticket"
				wantAll(t, d.Detail, "  content:     a text of "+row.name+"\n", "  ticket:      "+row.name+"\n", "HTTP 403 Forbidden, OSM.0003, may not read", "deduplicate_window")
			} else if strings.Contains(d.Detail, "may be on the ticket") {
				t.Errorf("in doubt without need: %s", d.Detail)
			}
			if d.Summary != summary {
				t.Errorf("summary %q", d.Summary)
			}
			line := row.line
			if line == "" {
				line = fmt.Sprintf(`resource "servicerequest_case_message" %q {`, row.name)
			}
			if got := strings.Join(strings.Fields(d.Snippet.Code), " "); got != strings.Join(strings.Fields(line), " ") {
				t.Errorf("points at %s, want %s", got, line)
			}
			if len(d.Detail) > 2000 || strings.ContainsAny(d.Detail, "\x1b\x00\r") {
				t.Errorf("detail of %d bytes: %q", len(d.Detail), d.Detail)
			}
		})
	}
	if strings.Contains(r.output(), testToken) {
		t.Error("the token is shown")
	}
	if posts.Load() != int64(len(answerRows)) || followed.Load() != 0 {
		t.Errorf("%d posts for %d messages, %d other requests", posts.Load(), len(answerRows), followed.Load())
	}
	if left := c.run("state", "list").stdout; left != "" {
		t.Errorf("in the state: %s", left)
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 10, 22, 0, 0, 0, time.UTC)
	api := func(status int, code string, mode servicerequest.Mode) *servicerequest.APIError {
		return &servicerequest.APIError{Status: status, Code: code, Mode: mode, RequestID: "r", LocalTime: now, ServiceTime: now}
	}
	skewed := func(status int, mode servicerequest.Mode, skew time.Duration) error {
		e := api(status, "APIGW.0301", mode)
		e.ServiceTime = now.Add(skew)
		return e
	}
	noDate := api(401, "APIGW.0301", servicerequest.ModeAccessKey)
	noDate.ServiceTime = time.Time{}
	untold := api(500, "", servicerequest.ModeToken)
	untold.RequestID = ""
	const clock = "The likely cause is this machine's clock"
	for _, row := range []struct {
		name string
		err  error
		at   string
		want string
	}{
		{"another code", api(200, "OSM.09999999", servicerequest.ModeToken), "", "give Huawei Cloud support the request ID"},
		{"no request ID", untold, "", "ask Huawei Cloud support"},
		{"wrapped", &servicerequest.NotSubmittedError{Err: api(429, "APIG.0308", servicerequest.ModeToken)}, "", "The service is throttling."},
		{"fixed token", api(401, "APIGW.0307", servicerequest.ModeToken), "", "The token has expired"},
		{"key", api(401, "APIGW.0301", servicerequest.ModeAccessKey), "", "Check access_key and secret_key, that the key is active"},
		{"login's token", api(401, "APIGW.0307", servicerequest.ModePassword), "", "The token that IAM gave for user_name was refused, and so was a second one."},
		{"no such case", api(200, "OSM.01010015", servicerequest.ModeToken), "case_id", "There is no such ticket"},
		{"attachments", api(200, "OSM.01010005", servicerequest.ModeToken), "accessory_ids", "daily limit"},

		{"clock is slow", skewed(401, servicerequest.ModeAccessKey, 20*time.Minute), "", clock},
		{"clock is fast", skewed(403, servicerequest.ModeAccessKey, -20*time.Minute), "", "Here it is 2026-01-10T22:00:00Z, at the service 2026-01-10T21:40:00Z."},
		{"clock is near", skewed(401, servicerequest.ModeAccessKey, 13*time.Minute), "", "Check access_key"},
		{"clock does not matter to a token", skewed(401, servicerequest.ModeToken, time.Hour), "", "The token has expired"},
		{"clock does not matter to a throttle", skewed(429, servicerequest.ModeAccessKey, time.Hour), "", "throttling"},
		{"no Date", noDate, "", "Check access_key"},

		{"login", &servicerequest.LoginError{Err: api(401, "", servicerequest.ModePassword)}, "", "Check user_name, password, domain_name and auth_url"},
		{"login, throttled", &servicerequest.LoginError{Err: api(429, "", servicerequest.ModePassword)}, "", "IAM may be down"},
		{"login, IAM is down", &servicerequest.LoginError{Err: api(503, "", servicerequest.ModePassword)}, "", "Check auth_url of the provider."},
		{"login, no connection", &servicerequest.LoginError{Err: errors.New("no such host")}, "", "Check the network, a proxy, and auth_url"},
		{"login, certificate", &servicerequest.LoginError{Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, "", "set ca_cert_file"},
		{"login, interrupted", &servicerequest.LoginError{Err: context.Canceled}, "", "Terraform was interrupted."},
		{"time", fmt.Errorf("late: %w", context.DeadlineExceeded), "", "timeouts.create"},
		{"time, throttled", fmt.Errorf("%w; the last attempt: %w", context.DeadlineExceeded, api(429, "", servicerequest.ModeToken)), "", "throttling"},
		{"interrupt", context.Canceled, "", "Terraform was interrupted."},
		{"certificate", fmt.Errorf("tls: %w", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), "", "set ca_cert_file"},
		{"no TLS", fmt.Errorf("GET /: %w", tls.RecordHeaderError{Msg: "not TLS"}), "", "The server does not speak TLS at this port."},
		{"network", errors.New("dial tcp: no such host"), "", "Check the network, a proxy, and the provider's endpoint."},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			at, text := advise(row.err)
			if at != row.at || !strings.Contains(text, row.want) {
				t.Errorf("at %q: %s\nwant at %q: %s", at, text, row.at, row.want)
			}
		})
	}
}

func TestSubmitDiagnostic(t *testing.T) {
	t.Parallel()
	api := &servicerequest.APIError{Method: "POST", Path: "/p", Status: 403, Code: "OSM.0003", RequestID: "r"}
	unconfirmed := &servicerequest.UnconfirmedError{
		CaseID: "case-1", Content: "first words", Began: time.Date(2026, 1, 10, 22, 0, 0, 0, time.FixedZone("", 3600)), Err: api, LookErr: errors.New("cannot read"),
	}
	denied := *unconfirmed
	denied.Denied = true
	secret := *unconfirmed
	secret.Content = ""
	for _, row := range []struct {
		name        string
		err         error
		message     caseMessage
		summary     string
		want, never []string
	}{
		{"refused", api, caseMessage{}, "Unable to submit case message",
			[]string{"POST /p: HTTP 403 Forbidden, OSM.0003, request ID r.\n\nThe message is not on the ticket.\n\n"}, []string{"safe to apply"}},
		{"not submitted", &servicerequest.NotSubmittedError{Attempts: 6, Err: errors.New("no route")}, caseMessage{}, "Unable to submit case message",
			[]string{"the message was not submitted (attempts: 6): no route.", "The message is not on the ticket. It is safe to apply again."}, nil},
		{"looked for", &servicerequest.NotSubmittedError{Attempts: 2, Looked: true, Err: context.DeadlineExceeded}, caseMessage{}, "Unable to submit case message",
			[]string{"did not show on the ticket in several looks", "set deduplicate_window when you apply again"}, []string{"is not on the ticket", "It is safe"}},
		{"not searched", &servicerequest.NotSubmittedError{Unsearched: true, Err: errors.New("its time cannot be read")}, caseMessage{}, "Unable to submit case message",
			[]string{"its time cannot be read.", "Nothing was sent. A message of an earlier run may be on the ticket", "before you apply without deduplicate_window"},
			[]string{"The message is not on the ticket", "It is safe", "network"}},
		{"search denied", &servicerequest.NotSubmittedError{Unsearched: true, Err: api}, caseMessage{}, "Unable to submit case message",
			[]string{"Nothing was sent.", "no permission for this call"}, []string{"The message is not on the ticket", "It is safe"}},
		{"unconfirmed", unconfirmed, caseMessage{}, "Case message may or may not be on the ticket",
			[]string{"ticket:      case-1\n", "submitted:   2026-01-10T21:00:00Z\n", "content:     first words\n", "answer:      POST /p: HTTP 403", "ticket read: cannot read\n",
				"Look at the ticket", "import it; if not, apply again.", "  - Set deduplicate_window to more than the time since then", "and apply again:"}, []string{"invoke", "Let the credentials"}},
		{"unconfirmed, denied", &denied, caseMessage{}, "Case message may or may not be on the ticket",
			[]string{"  - Let the credentials read the ticket's messages, set deduplicate_window to more"}, []string{"Set "}},
		{"unconfirmed, by an action", unconfirmed, caseMessage{Action: true}, "Case message may or may not be on the ticket",
			[]string{"content:     first words\n", "all is done; if not, invoke the action again.", "and invoke the action again:", "terraform apply -invoke=ADDRESS"},
			[]string{"import it", "apply again"}},
		{"not submitted, by an action", &servicerequest.NotSubmittedError{Attempts: 6, Err: errors.New("no route")}, caseMessage{Action: true}, "Unable to submit case message",
			[]string{"The message is not on the ticket. It is safe to apply again.", "If the plan does not list the action, use terraform apply -invoke=ADDRESS"}, nil},
		{"unconfirmed, write-only", &secret, caseMessage{}, "Case message may or may not be on the ticket", []string{"ticket:      case-1\n"}, []string{"first words", "content:"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d := submitDiagnostic(row.err, row.message)
			if d.Severity() != diag.SeverityError || d.Summary() != row.summary {
				t.Errorf("%s: %s", d.Severity(), d.Summary())
			}
			wantAll(t, d.Detail(), row.want...)
			for _, part := range row.never {
				if strings.Contains(d.Detail(), part) {
					t.Errorf("%q is in:\n%s", part, d.Detail())
				}
			}
		})
	}
}

func TestNoConnectionIsExplained(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	got := newCLI(t, map[string]string{"main.tf": requiredProvider + fmt.Sprintf(`
provider "servicerequest" {
  endpoint    = %q
  token       = %q
  max_retries = 0
}

resource "servicerequest_case_message" "test" {
  case_id = "case-1"
  content = "hello"
}`, closed.URL, testToken)}).fail("apply", "-json", "-auto-approve").diagnostics()
	if len(about(got, "main.tf")) != 1 {
		t.Fatalf("%+v", got)
	}
	wantAll(t, about(got, "main.tf")[0].Detail, "connection refused", "The message is not on the ticket. It is safe to apply again.",
		"Check the network, a proxy, and the provider's endpoint.")
}
