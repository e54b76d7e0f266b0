package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// Wrong values are refused at plan, at their attribute, and right ones are not.
func TestBadInputIsRefusedAtPlan(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	p := newProtocol(t, f)
	const control = "contains a line break or another control character; remove it"
	one := func(name string, value any) object { return object{name: value} }
	keyed := func(length int) object {
		return merged(deployKey, object{"content": strings.Repeat("x", length-len("[deploy 4711] "))})
	}
	for _, row := range []struct {
		config object
		detail string // of the diagnostic that refuses it; empty: it is accepted
	}{
		{one("case_id", ""), "case_id must have 1 to 64 characters, but has 0."},
		{one("case_id", strings.Repeat("ü", 64)), ""},
		{one("case_id", strings.Repeat("ü", 65)), "case_id must have 1 to 64 characters, but has 65."},
		{one("case_id", "TT\x7f1"), "case_id " + control},
		{one("case_id", ".."), "case_id must be a ticket ID, not \".\" or \"..\"."},
		{one("case_id", "..."), ""},
		{one("case_id", " TT1"), "case_id begins or ends with white space; remove it."},
		{one("case_id", "TT\u200b1"), "case_id contains the invisible character U+200B; remove it."},
		{one("case_id", `"TT1"`), "case_id is in quotation marks; remove them."},
		{one("case_id", "ТT201801020526"), "case_id contains the character U+0422, which only looks like one of ASCII; type it."},
		{one("case_id", "工单-1"), ""},
		{one("case_id", "../TT 1"), ""},
		{one("case_id", "https://console.example.com/ticket/?region=eu-west-101#/detail/TT1"), `case_id must be a ticket ID such as "TT201801020526", not a URL.`},

		{one("content", ""), "content must have 1 to 10000 characters, but has 0."},
		{one("content", strings.Repeat("完", 10000)), ""},
		{merged(deployKey, object{"content": strings.Repeat("完", 10001)}), `content must have 1 to 10000 characters, but has 10001. The guide "Long texts and evidence" shows how to send more.`},
		{one("content", "\u200b\u2060"), "content must contain at least one visible character."},
		{one("content", "a\x00b"), "content contains a NUL character; remove it."},
		{object{"content": nil, "content_wo": "a text", "content_wo_version": 1.5}, "content_wo_version must be a whole number."},

		{one("accessory_ids", []any{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}), ""},
		{one("accessory_ids", []any{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}), "accessory_ids list must contain at most 10 elements, got: 11"},
		{one("accessory_ids", []any{"one", "two", "one"}), "duplicate"},
		{one("accessory_ids", []any{"one", nil}), "null"},
		{one("accessory_ids", []any{"one", ""}), "accessory_ids[1] must have 1 to 64 characters, but has 0."},
		{one("accessory_ids", []any{"a\rb"}), "accessory_ids[0] " + control},

		{one("group_id", strings.Repeat("完", 65)), "group_id must have 1 to 64 characters, but has 65."},
		{one("group_id", "a\x00"), "group_id " + control},

		{one("idempotency_key", "r-42"), ""},
		{object{"idempotency_key": "run", "content": strings.Repeat("x", 10000)}, "idempotency_key must have 4 to 62 characters: ASCII letters and digits, joined by single spaces, dots or hyphens; it has 3 characters."},
		{one("idempotency_key", "deploy_prod_4711"), `write "deploy-prod-4711" instead.`},
		{keyed(10000), ""},
		{merged(deployKey, object{"content": nil, "content_wo": strings.Repeat("x", 10000), "content_wo_version": 1}), "content_wo must have at most 10000 characters together"},
		{keyed(10001), "content must have at most 10000 characters together with the idempotency_key, its brackets and a space, but has 10001."},

		{one("timeouts", object{"create": "1d"}), `timeouts.create must be a duration such as "30s" or "5m"; write a day as "24h".`},
		{one("timeouts", object{"create": "0s"}), "timeouts.create must be between 1ms and 24h0m0s."},
	} {
		got := p.manage(t, caseMessageType).plan(message(row.config)).diagnostics
		if row.detail == "" {
			wantNoDiagnostics(t, got)
			continue
		}
		if len(got) != 1 || row.config[strings.FieldsFunc(at(got[0]), func(r rune) bool { return r == '[' || r == '.' })[0]] == nil || !strings.Contains(got[0].Detail, row.detail) {
			t.Errorf("%v: %s\nwant an error at the attribute: %s", row.config, describe(got), row.detail)
		}
	}
	f.wantPosts(t, 0, 0)
}

// A block has the checks of the environment, whose values TestEverySetting has. ParseEndpoint's test has the URLs.
func TestBadProviderBlock(t *testing.T) {
	t.Parallel()
	p := newProtocol(t, newFixture(t, simulator.Options{}))
	for _, row := range []struct{ at, value, detail string }{
		{"endpoint", "https://me:hunter2@osm.example.com", "endpoint must not contain a user name or password."},
		{"endpoint", "https://osm.example.com:hunter2", "endpoint is not a valid URL."},
		{"token", "", "token is empty; to leave it out, set it to null."},
		{"endpoint", "https://osm.example.com/v2/", "endpoint ends in /v2, which the provider adds; leave it out."},
		{"token", "Bearer hunter2", `token begins with "Bearer ", as in a header; set the value alone.`},
		{"token", "X-Auth-Token: hunter2", `token begins with "X-Auth-Token:", as in a header; set the value alone.`},
		{"token", " hunter2", "token begins or ends with white space; remove it."},
		{"token", "hunter2\u00a0hunter2", "token contains the invisible character U+00A0; remove it."},
		{"secret_key", "hunter2а", "secret_key contains the character U+0430, which is not one of a credential."},
		{"access_key", "'hunter2'", "access_key is in quotation marks; remove them."},
		{"password", "hunter2\n", "password contains a line break or another control character; remove it."},
		{"language", strings.Repeat("e", 33), "language must have 1 to 32 characters, but has 33."},
		{"request_timeout", "999µs", "request_timeout must be between 1ms and 1h0m0s."},
		{"request_timeout", "1h1s", "request_timeout must be between 1ms and 1h0m0s."},
	} {
		wantOne(t, p.validateProvider(t, object{row.at: row.value}), "error at "+row.at, row.detail)
	}
	for n, detail := range map[any]string{-1: "max_retries must be between 0 and 100.", 101: "max_retries must be between 0 and 100.", 1.5: "max_retries must be a whole number."} {
		wantOne(t, p.validateProvider(t, object{"max_retries": n}), "error at max_retries", detail)
	}
	wantOne(t, p.validateProvider(t, object{"assume_agency_with_oidc": object{"id_token": "/run/hunter2"}}), "error at assume_agency_with_oidc.id_token", "looks like a path, not like an ID token")
	wantNoDiagnostics(t, p.validateProvider(t, object{
		"endpoint": "http://localhost:1", "user_name": "u", "password": "p", "domain_name": "d", "auth_url": "https://iam.example.com/v3/",
		"language": strings.Repeat("e", 32), "request_timeout": "1h", "max_retries": 100,
	}))
	wantOne(t, p.validateProvider(t, object{"secret_key": "hunter2", "password": "p"}), "error at password", "access key (secret_key) and user name and password (password)")
}

// validateProvider never shows a secret.
func (p protocol) validateProvider(t *testing.T, block object) []*tfprotov6.Diagnostic {
	t.Helper()
	response := must(p.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: dynamic(t, p.schemas.Provider, block)}))
	if text := describe(response.Diagnostics); strings.Contains(text, "hunter2") {
		t.Errorf("the value of a secret is shown: %s", text)
	}
	return response.Diagnostics
}
