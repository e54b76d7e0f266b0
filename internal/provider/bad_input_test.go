package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/simulator"
)

// Each row is a file of one configuration, which is planned once. A diagnostic belongs
// to the row whose file it points to.

var resourceRows = []struct {
	name, attributes string
	detail           string // of the diagnostic that refuses it; empty: it is accepted
}{
	{"case_id_empty", `case_id = ""`, "case_id must have 1 to 64 characters, but has 0."},
	{"case_id_64", fmt.Sprintf(`case_id = %q`, strings.Repeat("ü", 64)), ""},
	{"case_id_65", fmt.Sprintf(`case_id = %q`, strings.Repeat("ü", 65)), "case_id must have 1 to 64 characters, but has 65."},
	{"case_id_control", `case_id = "TT\n1"`, "case_id contains a line break or another control character; remove it"},
	{"case_id_delete", `case_id = "TT\u007f1"`, "case_id contains a line break or another control character; remove it"},
	{"case_id_dot", `case_id = "."`, "case_id must be a ticket ID, not \".\" or \"..\"."},
	{"case_id_dots", `case_id = ".."`, "case_id must be a ticket ID, not \".\" or \"..\"."},
	{"case_id_three_dots", `case_id = "..."`, ""},
	{"case_id_space_before", `case_id = " TT1"`, "case_id begins or ends with white space; remove it."},
	{"case_id_space_after", `case_id = "TT1\n"`, "case_id begins or ends with white space; remove it."},
	{"case_id_space_inside", `case_id = "TT 1"`, ""},
	{"case_id_url", `case_id = "https://console.example.com/ticket/?region=eu-west-101#/ticketindex/serviceTickets/detail/TT1"`,
		`case_id must be a ticket ID such as "TT201801020526", not a URL.`},
	{"case_id_slash", `case_id = "../x"`, ""},

	{"content_empty", `content = ""`, "content must have 1 to 10000 characters, but has 0."},
	{"content_1", `content = "a"`, ""},
	{"content_10000", fmt.Sprintf(`content = %q`, strings.Repeat("完", 10000)), ""},
	{"content_10001", fmt.Sprintf(`content = %q`, strings.Repeat("完", 10001)), "content must have 1 to 10000 characters, but has 10001."},
	{"content_blank", `content = " \n\t "`, "content must contain at least one visible character."},
	{"content_invisible", `content = "\u200b\u2060"`, "content must contain at least one visible character."},
	{"content_lines", `content = "first\nsecond\ttab"`, ""},

	{"accessory_ids_empty", `accessory_ids = []`, ""},
	{"accessory_ids_10", `accessory_ids = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]`, ""},
	{"accessory_ids_11", `accessory_ids = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]`, "accessory_ids list must contain at most 10 elements, got: 11"},
	{"accessory_ids_twice", `accessory_ids = ["one", "two", "one"]`, "duplicate"},
	{"accessory_ids_null", `accessory_ids = ["one", null]`, "null"},
	{"accessory_id_empty", `accessory_ids = ["one", ""]`, "accessory_ids[1] must have 1 to 64 characters, but has 0."},
	{"accessory_id_64", fmt.Sprintf(`accessory_ids = [%q]`, strings.Repeat("a", 64)), ""},
	{"accessory_id_65", fmt.Sprintf(`accessory_ids = [%q]`, strings.Repeat("a", 65)), "accessory_ids[0] must have 1 to 64 characters, but has 65."},
	{"accessory_id_control", `accessory_ids = ["a\rb"]`, "accessory_ids[0] contains a line break or another control character; remove it"},

	{"group_id_empty", `group_id = ""`, "group_id must have 1 to 64 characters, but has 0."},
	{"group_id_64", fmt.Sprintf(`group_id = %q`, strings.Repeat("完", 64)), ""},
	{"group_id_65", fmt.Sprintf(`group_id = %q`, strings.Repeat("完", 65)), "group_id must have 1 to 64 characters, but has 65."},
	{"group_id_control", `group_id = "a\u0000"`, "group_id contains a line break or another control character; remove it"},

	{"key_short", `idempotency_key = "run"`, "idempotency_key must have 4 to 62 characters: ASCII letters and digits, joined by single spaces, dots or hyphens; it has 3 characters."},
	{"key_4", `idempotency_key = "r-42"`, ""},
	{"key_62", fmt.Sprintf("idempotency_key = %q", strings.Repeat("k", 62)), ""},
	{"key_63", fmt.Sprintf("idempotency_key = %q", strings.Repeat("k", 63)), "it has 63 characters."},
	{"key_and_content", fmt.Sprintf("content = %q\nidempotency_key = \"deploy 4711\"", strings.Repeat("x", 10000-len("[deploy 4711] "))), ""},
	{"key_and_long_content", fmt.Sprintf("content = %q\nidempotency_key = \"deploy 4711\"", strings.Repeat("x", 10001-len("[deploy 4711] "))), "content must have at most 10000 characters together with the idempotency_key, its brackets and a space, but has 10001."},
	{"key_brackets", `idempotency_key = "[deploy 4711]"`, `write "deploy 4711" instead; the provider adds the square brackets.`},
	{"key_underscores", `idempotency_key = "deploy_prod_4711"`, `write "deploy-prod-4711" instead.`},
	{"key_colon", `idempotency_key = "deploy:4711"`, `write "deploy-4711" instead.`},
	{"key_hash", `idempotency_key = "#4711 deploy"`, `write "4711 deploy" instead.`},
	{"key_doubled", `idempotency_key = "deploy 4711--eu"`, `write "deploy 4711-eu" instead.`},
	{"key_letters", `idempotency_key = "größer"`, "ASCII letters and digits"},
	{"key_control", `idempotency_key = "run\n4711"`, `write "run-4711" instead.`},

	{"timeouts", `timeouts = { create = "soon" }`, `timeouts.create must be a duration such as`},
	{"timeouts_days", `timeouts = { create = "1d" }`, `timeouts.create must be a duration such as "30s" or "5m"; write a day as "24h".`},
	{"timeouts_zero", `timeouts = { create = "0s" }`, "timeouts.create must be between 1ms and 24h0m0s."},
	{"timeouts_create", `timeouts = { create = "90s" }`, ""},
}

var providerRows = []struct {
	name, attributes string
	detail           string // as above
}{
	{"endpoint_empty", `endpoint = ""`, "endpoint must be an absolute https URL"},
	{"endpoint_relative", `endpoint = "osm.example.com/v2"`, "endpoint must be an absolute https URL"},
	{"endpoint_no_host", `endpoint = "https:///path"`, "endpoint must be an absolute https URL"},
	{"endpoint_scheme", `endpoint = "ftp://osm.example.com"`, "endpoint must be an absolute https URL"},
	{"endpoint_http", `endpoint = "http://osm.example.com"`, "endpoint must use https: plain http to osm.example.com would expose the credentials (http is accepted for loopback hosts only)."},
	{"endpoint_http_lookalike", `endpoint = "http://127.0.0.1.example.com"`, "endpoint must use https: "},
	{"endpoint_http_localhost", `endpoint = "http://localhost:1"`, ""},
	{"endpoint_http_ipv6", `endpoint = "http://[::1]:1/"`, ""},
	{"endpoint_https", `endpoint = "https://osm.example.com:8443/base/path/"`, ""},
	{"endpoint_user", `endpoint = "https://me:hunter2@osm.example.com"`, "endpoint must not contain a user name or password."},
	{"endpoint_query", `endpoint = "https://osm.example.com?a=b"`, "endpoint must not contain a query."},
	{"endpoint_bare_query", `endpoint = "https://osm.example.com?"`, "endpoint must not contain a query."},
	{"endpoint_fragment", `endpoint = "https://osm.example.com/#a"`, "endpoint must not contain a fragment."},
	{"endpoint_broken", `endpoint = "https://osm.example.com:hunter2"`, "endpoint is not a valid URL."},

	{"token_empty", `token = ""`, "token must have 1 to 5000 characters, but has 0."},
	{"token_5000", fmt.Sprintf(`token = %q`, strings.Repeat("t", 5000)), ""},
	{"token_5001", fmt.Sprintf(`token = %q`, strings.Repeat("t", 5001)), "token must have 1 to 5000 characters, but has 5001."},
	{"token_newline", `token = "hunter2\nX-Site: 1"`, "token contains a line break or another control character; remove it"},

	{"access_key_control", "access_key = \"a\\r\"\n secret_key = \"s\"", "access_key contains a line break or another control character; remove it"},
	{"secret_key_empty", "access_key = \"a\"\n secret_key = \"\"", "secret_key must have 1 to 128 characters, but has 0."},
	{"security_token_control", "access_key = \"a\"\n secret_key = \"s\"\n security_token = \"hunter2\\n\"", "security_token contains a line break or another control character; remove it"},
	{"domain_id_65", fmt.Sprintf("access_key = \"a\"\n secret_key = \"s\"\n domain_id = %q", strings.Repeat("d", 65)), "domain_id must have 1 to 64 characters, but has 65."},
	{"user_name_empty", "user_name = \"\"\n password = \"p\"", "user_name must have 1 to 255 characters, but has 0."},
	{"password_empty", "user_name = \"u\"\n password = \"\"", "password must have 1 to 1024 characters, but has 0."},
	{"domain_name_control", "user_name = \"u\"\n password = \"p\"\n domain_name = \"\\t\"", "domain_name contains a line break or another control character; remove it"},
	{"auth_url_http", "user_name = \"u\"\n password = \"p\"\n auth_url = \"http://iam.example.com\"", "auth_url must use https: "},
	{"password_mode", "user_name = \"u\"\n password = \"p\"\n domain_name = \"d\"\n auth_url = \"https://iam.example.com/v3/\"", ""},

	{"language_empty", `language = ""`, "language must have 1 to 32 characters, but has 0."},
	{"language_32", fmt.Sprintf(`language = %q`, strings.Repeat("e", 32)), ""},
	{"language_33", fmt.Sprintf(`language = %q`, strings.Repeat("e", 33)), "language must have 1 to 32 characters, but has 33."},
	{"language_newline", `language = "en-us\r\nX-Site: 1"`, "language contains a line break or another control character; remove it"},
	{"time_zone_empty", `time_zone = ""`, "time_zone must have 1 to 32 characters, but has 0."},
	{"time_zone_32", fmt.Sprintf(`time_zone = %q`, strings.Repeat("g", 32)), ""},
	{"time_zone_33", fmt.Sprintf(`time_zone = %q`, strings.Repeat("g", 33)), "time_zone must have 1 to 32 characters, but has 33."},
	{"time_zone_newline", `time_zone = "GMT+1\n"`, "time_zone contains a line break or another control character; remove it"},
	{"site_other", `site = "Europe"`, `site must be "china" or "international".`},
	{"site_empty", `site = ""`, `site must be "china" or "international".`},

	{"request_timeout_text", `request_timeout = "30"`, `request_timeout must be a duration such as "30s" or "5m"; write a day as "24h".`},
	{"request_timeout_zero", `request_timeout = "0s"`, "request_timeout must be between 1ms and 1h0m0s."},
	{"request_timeout_negative", `request_timeout = "-1s"`, "request_timeout must be between 1ms and 1h0m0s."},
	{"request_timeout_long", `request_timeout = "61m"`, "request_timeout must be between 1ms and 1h0m0s."},
	{"request_timeout_longest", `request_timeout = "1h"`, ""},
	{"max_retries_negative", `max_retries = -1`, "max_retries value must be between 0 and 100, got: -1"},
	{"max_retries_101", `max_retries = 101`, "max_retries value must be between 0 and 100, got: 101"},
	{"max_retries_100", `max_retries = 100`, ""},
	{"ca_cert_file_empty", `ca_cert_file = ""`, "ca_cert_file must have 1 to 4096 characters, but has 0."},
	{"two_modes", "token = \"hunter2\"\n access_key = \"a\"", "token (token) and access key (access_key, secret_key)"},
	{"two_other_modes", "secret_key = \"hunter2\"\n password = \"p\"", "access key (access_key, secret_key) and user name and password (user_name, password)"},
}

func TestBadInputIsRefusedAtPlan(t *testing.T) {
	t.Parallel()
	f := newFixture(t, simulator.Options{})
	bad := map[string]string{"main.tf": requiredProvider + f.config("")}
	good := map[string]string{"main.tf": requiredProvider + f.config("")}
	add := func(name, text, detail string) {
		if detail == "" {
			good[name+".tf"] = text
		} else {
			bad[name+".tf"] = text
		}
	}
	for _, row := range resourceRows {
		add(row.name, fmt.Sprintf("resource \"servicerequest_case_message\" %q {\n%s\n}", row.name,
			withDefaults(row.attributes, `case_id = "TT1"`, `content = "hello"`)), row.detail)
	}
	for _, row := range providerRows {
		add(row.name, fmt.Sprintf("provider \"servicerequest\" {\n alias = %q\n%s\n}\n"+
			"resource \"servicerequest_case_message\" %[1]q {\n provider = servicerequest.%[1]s\n case_id = \"TT1\"\n content = \"hello\"\n}",
			row.name, withDefaults(row.attributes, fmt.Sprintf("endpoint = %q", f.URL()))), row.detail)
	}

	refused := newCLI(t, bad).fail("plan", "-json").diagnostics()
	check := func(t *testing.T, name, attributes, detail string) {
		if detail == "" {
			return
		}
		got := about(refused, name+".tf")
		if len(got) != 1 {
			t.Fatalf("%d diagnostics, want 1: %+v", len(got), got)
		}
		d := got[0]
		if d.Severity != "error" || !strings.Contains(d.Detail, detail) {
			t.Errorf("%s: %s\n%s\nwant detail %s", d.Severity, d.Summary, d.Detail, detail)
		}
		if strings.Contains(d.Summary+d.Detail, "hunter2") {
			t.Errorf("the value of a secret is shown: %s\n%s", d.Summary, d.Detail)
		}
		// It points at the attribute's line. The CLI does not find a line inside an object.
		if line := strings.TrimSpace(d.Snippet.Code); !strings.HasPrefix(name, "timeouts") && (line == "" || !strings.Contains(attributes, line)) {
			t.Errorf("points at %s", d.Snippet.Code)
		}
	}
	for _, row := range resourceRows {
		t.Run(row.name, func(t *testing.T) { check(t, row.name, row.attributes, row.detail) })
	}
	for _, row := range providerRows {
		t.Run(row.name, func(t *testing.T) { check(t, row.name, row.attributes, row.detail) })
	}

	planned := newCLI(t, good).run("plan")
	wantAll(t, planned.output(), fmt.Sprintf("Plan: %d to add, 0 to change, 0 to destroy.", len(good)-1))
	f.wantPosts(t, 0, 0)
}

// withDefaults adds the arguments that attributes does not have.
func withDefaults(attributes string, defaults ...string) string {
	for _, d := range defaults {
		name, _, _ := strings.Cut(d, " ")
		if !regexp.MustCompile(`(?m)^\s*` + name + ` =`).MatchString(attributes) {
			attributes += "\n" + d
		}
	}
	return attributes
}
