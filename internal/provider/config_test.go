package provider

import (
	"crypto/x509"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// values are arguments of the provider block, or variables of an environment.
type values map[string]string

const unknownValue = "(known after apply)"

// block is a provider block with these arguments.
func (v values) block() block {
	b := block{}
	for name, text := range v {
		if outer, _, nested := strings.Cut(name, "."); nested {
			b[outer] = settingValue{text: "set"}
		}
		b[name] = settingValue{text: text}
		if text == unknownValue {
			b[name] = settingValue{unknown: true}
		}
	}
	return b
}

// read resolves a provider block and an environment. An empty variable counts as
// unset.
func (v values) read(arguments values) config { return readConfig(arguments.block(), v.get) }

// get is environment for these variables.
func (v values) get(names []string) (name, value string) {
	for _, name := range names {
		if v[name] != "" {
			return name, v[name]
		}
	}
	return "", ""
}

// samples are two values of each setting, and one that is refused.
var samples = map[string][3]string{
	"endpoint":           {"https://one.example.com", "https://two.example.com/base", "http://example.com"},
	"token":              {"one", "two", "a\nb"},
	"access_key":         {"one", "two", strings.Repeat("a", 129)},
	"secret_key":         {"one", "two", "a\tb"},
	"security_token":     {"one", "two", "a\nb"},
	"domain_id":          {"one", "two", strings.Repeat("a", 65)},
	"user_name":          {"one", "two", "a\nb"},
	"password":           {"one", "two", strings.Repeat("a", 1025)},
	"domain_name":        {"one", "two", "a\nb"},
	"auth_url":           {"https://one.example.com/v3", "https://two.example.com", "iam.example.com"},
	"sts_endpoint":       {"https://one.example.com", "https://two.example.com", "http://sts.example.com"},
	"shared_config_file": {"one", "two", strings.Repeat("a", 4097)},
	"profile":            {"one", "two", strings.Repeat("a", 256)},
	"ecs_agency":         {"true", "false", "maybe"},
	"language":           {"en-us", "zh-cn", "en\nus"},
	"time_zone":          {"GMT+1", "GMT+2", strings.Repeat("a", 33)},
	"site":               {"china", "international", "China"},
	"request_timeout":    {"1m0s", "2m0s", "1"},
	"max_retries":        {"0", "7", "1.5"},
	"insecure":           {"true", "false", "maybe"},
	"ca_cert_file":       {"one", "two", strings.Repeat("a", 4097)},

	"assume_agency.agency_name":  {"one", "two", strings.Repeat("a", 65)},
	"assume_agency.domain_name":  {"one", "two", "a\nb"},
	"assume_agency.domain_id":    {"one", "two", "a\nb"},
	"assume_agency.agency_urn":   {"iam::1:agency:one", "iam::1:agency:two", "iam::1:oidcProvider:one"},
	"assume_agency.session_name": {"one", "two", "1"},
	"assume_agency.duration":     {"900", "86400", "899"},

	"assume_agency_with_oidc.provider_urn":  {"iam::1:oidcProvider:one", "iam::1:oidcProvider:two", "iam:1:oidcProvider:one"},
	"assume_agency_with_oidc.agency_urn":    {"iam::1:agency:one", "iam::1:agency:two", "iam::1:agency:"},
	"assume_agency_with_oidc.idp_id":        {"one", "two", "a\nb"},
	"assume_agency_with_oidc.id_token":      {"e.y.one", "e.y.two", "/run/token"},
	"assume_agency_with_oidc.id_token_file": {"one", "two", "eyJhbGciOi.eyJpc3Mi.c2ln"},
	"assume_agency_with_oidc.audience":      {"one", "two", "a\nb"},
	"assume_agency_with_oidc.session_name":  {"one", "two", "1"},
	"assume_agency_with_oidc.duration":      {"900", "43200", "43201"},

	githubURL:        {"https://one.example.com/?a=b", "https://two.example.com", "http://example.com"},
	githubBearer:     {"one", "two", "a\nb"},
	hcpIdentity:      {"e.y.one", "e.y.two", "/run/token"},
	podURL:           {"http://169.254.170.23/v1", "https://pod.example.com", "http://example.com"},
	httpsProxy:       {"http://proxy:3128", "proxy:3128", "http://alice:98765/x@proxy:8080"},
	metadataURL:      {"http://127.0.0.1:1", "http://[fe80::1]", "http://example.com"},
	podAuthorization: {"one", "two", strings.Repeat("a", 4097)},
}

func TestEverySetting(t *testing.T) {
	t.Parallel()
	for _, s := range slices.DeleteFunc(slices.Clone(settings), func(s setting) bool { return s.kind == nested }) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			sample, ok := samples[s.name]
			if !ok {
				t.Fatal("no sample")
			}
			one, two, bad := sample[0], sample[1], sample[2]
			want := func(env, arguments values, want, variable string) {
				t.Helper()
				if v := resolve(arguments.block(), env.get).values[s.name]; v != (settingValue{text: want, source: variable}) {
					t.Errorf("environment %v, block %v: %+v, want %q from %q", env, arguments, v, want, variable)
				}
			}
			block := func(text string) values { return values{s.name: text} }
			want(nil, nil, "", "")
			if s.isAttribute() {
				want(nil, block(one), one, "")
			}
			var later values // further variables
			for i := len(s.env) - 1; i >= 0; i-- {
				if s.name == "security_token" { // its family is that of its pair
					later = values{settingNamed("access_key").env[i]: "a"}
				}
				want(merged(later, values{s.env[i]: one}), nil, one, s.env[i])
				want(values{s.env[i]: ""}, nil, "", "")
				if s.isAttribute() {
					want(values{s.env[i]: bad}, block(two), two, "")
				}
				later = merged(later, values{s.env[i]: bad})
				if v := resolve(nil, later.get).values[s.name]; v.err == nil || v.source != s.env[i] {
					t.Errorf("%s=%q is accepted", s.env[i], bad)
				}
			}
			if !s.isAttribute() {
				return
			}
			attribute := s.attribute()
			for _, variable := range s.env {
				wantAll(t, attribute.GetMarkdownDescription(), "`"+variable+"`")
			}
			if !attribute.IsOptional() || attribute.IsSensitive() != s.sensitive {
				t.Errorf("optional: %t, sensitive: %t", attribute.IsOptional(), attribute.IsSensitive())
			}
		})
	}
}

// The settings that are not about credentials reach the client.
func TestClientSettings(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	c := values{"HW_AUTH_TOKEN": "t"}.read(values{
		"endpoint": "https://osm.example.com/base", "language": "en-us", "time_zone": "GMT+1", "site": "international",
		"request_timeout": "2m", "max_retries": "7", "insecure": "true", "ca_cert_file": writeFile(t, t.TempDir(), "ca.pem", pemOf(server)),
	})
	got := fmt.Sprint(c.client.Endpoint, c.client.Language, c.client.TimeZone, c.client.Site, c.client.RequestTimeout, c.retries, c.client.Insecure, c.client.RootCAs.Equal(trusted), c.missing, c.invalid)
	wantValue(t, "the configuration", got, fmt.Sprint("https://osm.example.com/base", "en-us", "GMT+1", "1", 2*time.Minute, 7, true, true, []string{}, []string{}))
	wantValue(t, "the number of warnings", c.diagnostics.WarningsCount(), 1) // of insecure
	c = values{"HW_AUTH_TOKEN": "t"}.read(values{"endpoint": "https://osm.example.com", "ca_cert_file": writeFile(t, t.TempDir(), "ca.pem", "no PEM")})
	if c.client.RequestTimeout != 30*time.Second || c.retries != 5 || c.client.Insecure || c.client.Site != "" || len(c.diagnostics) > 0 {
		t.Errorf("%+v, %v", c.client, c.diagnostics)
	}
	wantAll(t, strings.Join(c.invalid, ""), "ca_cert_file names a file that cannot be used: it contains no PEM certificate")
}

// HW_MAX_RETRIES is shared with other providers, which allow more.
func TestSharedMaxRetries(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]int{"HW_MAX_RETRIES": 0, "SERVICEREQUEST_MAX_RETRIES": 1} {
		if c := (values{env: "500"}).read(values{"endpoint": "https://osm.example.com", "token": "t"}); len(c.invalid) != want || c.retries != 100 {
			t.Errorf("%s: %d retries, %q", env, c.retries, c.invalid)
		}
	}
}

// Settings that cannot be used are reported together, each by the name that the user gave
// it, and without the value. Those of an unused method may be anything.
func TestInvalidSettings(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		env, block values
		want       string
	}{
		{values{"SERVICEREQUEST_ENDPOINT": "http://osm.example.com", "HW_AUTH_TOKEN": "t\nu", "HW_INSECURE": "?", "SERVICEREQUEST_CA_CERT_FILE": "ca.pem "}, nil,
			"SERVICEREQUEST_CA_CERT_FILE begins or ends with white space; remove it; SERVICEREQUEST_ENDPOINT must use https: plain http to osm.example.com would expose the credentials (http is accepted for loopback hosts only); " +
				"HW_INSECURE must be true or false; HW_AUTH_TOKEN contains a line break or another control character; remove it"},
		{values{"HUAWEICLOUD_OIDC_ID_TOKEN": "/run/token", "HUAWEICLOUD_SDK_STS_ENDPOINT": "https://sts.example.com", "HUAWEICLOUD_OIDC_PROVIDER_URN": "iam::1:oidcProvider:p", "HUAWEICLOUD_OIDC_AGENCY_URN": "iam::2:agency:a"}, nil,
			"HUAWEICLOUD_OIDC_AGENCY_URN is of another account than assume_agency_with_oidc.provider_urn; HUAWEICLOUD_OIDC_ID_TOKEN looks like a path, not like an ID token: a path belongs in id_token_file"},
		{values{"HW_AUTH_TOKEN": "t", "HW_ACCESS_KEY": "a\nb", "HW_SECURITY_TOKEN": "\n", "HW_AUTH_URL": "iam", "HW_USER_PASSWORD": strings.Repeat("p", 2000), "HC_CONTAINER_CREDENTIALS_FULL_URI": "?"}, nil, ""},
		{values{"HW_AUTH_TOKEN": "a\nb", "HW_SECURITY_TOKEN": "a\nb"}, values{"access_key": "a", "secret_key": "s"}, ""},
	} {
		c := row.env.read(row.block)
		wantValue(t, fmt.Sprintf("environment %v, block %v: what is invalid", row.env, row.block), strings.Join(c.invalid, "; "), row.want)
	}
}

// Which credentials are used, and what is missing for them.
func TestCredentialsAreChosen(t *testing.T) {
	t.Parallel()
	without := func(v values, names ...string) values {
		v = merged(v)
		for _, name := range names {
			delete(v, name)
		}
		return v
	}
	token := values{"HW_AUTH_TOKEN": "et"}
	pair := values{"HW_ACCESS_KEY": "ea", "HW_SECRET_KEY": "es"}
	login := values{"HW_USER_NAME": "eu", "HW_USER_PASSWORD": "ep", "HW_DOMAIN_NAME": "ed", "HW_AUTH_URL": "https://iam.example.com"}
	sts := values{"HUAWEICLOUD_SDK_STS_ENDPOINT": "https://sts.example.com"}
	oidc := merged(sts, values{"HUAWEICLOUD_OIDC_PROVIDER_URN": "iam::1:oidcProvider:p", "HUAWEICLOUD_OIDC_AGENCY_URN": "iam::1:agency:a", "HUAWEICLOUD_OIDC_TOKEN_FILE": "file"})
	iamOIDC := values{"HW_ASSUME_ROLE_IDP_ID": "p", "HW_ASSUME_ROLE_ID_TOKEN": "e.y.J", "HW_AUTH_URL": "https://iam.example.com", "HW_DOMAIN_ID": "i", "HW_DOMAIN_NAME": "ignored"}
	profile := values{"HW_PROFILE": "ops", "HW_SHARED_CONFIG_FILE": "kooc.json"}
	ecs := values{"SERVICEREQUEST_ECS_AGENCY": "1"}
	pod := values{"HC_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/v1", "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": "file"}
	github := values{"ACTIONS_ID_TOKEN_REQUEST_URL": "https://github.example.com/?v=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "gt"}
	agency := values{"HW_ASSUME_ROLE_AGENCY_NAME": "ops", "HW_ASSUME_ROLE_DOMAIN_NAME": "other", "HW_AUTH_URL": "https://iam.example.com"}
	const (
		ofToken   = "Token et"
		ofPair    = "AccessKey {AccessKey:ea SecretKey:es SecurityToken: DomainID:}"
		ofBlock   = "AccessKey {AccessKey:a SecretKey:s SecurityToken: DomainID:}"
		ofLogin   = "Password {IAM:https://iam.example.com UserName:eu Password:ep DomainName:ed}"
		ofOIDC    = "OIDC {STS:https://sts.example.com ProviderURN:iam::1:oidcProvider:p AgencyURN:iam::1:agency:a SessionName:terraform-provider-servicerequest Duration:0s IDToken:{Value: File:file RequestURL:<nil> RequestToken: Audience:}}"
		ofIAM     = "IAMOIDC {IAM:https://iam.example.com ProviderID:p Domain:{ID:i Name:} IDToken:{Value:e.y.J File: RequestURL:<nil> RequestToken: Audience:}}"
		ofProfile = "Profile {File:kooc.json Name:ops DomainID:}"
		ofECS     = "ECS {DomainID: IAM:<nil> Metadata:<nil>}"
		ofPod     = "Pod {URL:http://127.0.0.1:1/v1 TokenFile:file DomainID:}"
	)
	for _, row := range []struct {
		name       string
		env, block values
		want       string   // the source; empty is none
		missing    []string // parts of the text
	}{
		{name: "nothing", missing: []string{"`token` (SERVICEREQUEST_TOKEN or HW_AUTH_TOKEN)", "`access_key` and `secret_key` (HW_ACCESS_KEY, HW_SECRET_KEY)"}},
		{name: "a name that is not read", env: values{"HUAWEI_ACCESS_KEY": "a"}, missing: []string{"HUAWEI_ACCESS_KEY is set, but it is not read: the name is HW_ACCESS_KEY"}},

		// The order of the environment.
		{name: "profile", env: merged(profile, oidc, token, pair, login, pod), want: ofProfile},
		{name: "OIDC", env: merged(oidc, token, pair, login, pod), want: ofOIDC},
		{name: "OIDC through IAM", env: merged(iamOIDC, token, pair, pod), want: ofIAM},
		{name: "token", env: merged(token, pair, login, pod, github), want: ofToken},
		{name: "pair", env: merged(pair, login, pod), want: ofPair},
		{name: "login", env: merged(login, pod), want: ofLogin},
		{name: "ECS agency", env: merged(profile, oidc, token, pair, ecs, pod), want: ofECS}, // of this provider alone
		{name: "token of this provider", env: merged(profile, oidc, ecs, pair, values{"SERVICEREQUEST_TOKEN": "mine"}), want: "Token mine"},
		{name: "pod identity", env: pod, want: ofPod},
		{name: "no ECS agency", env: merged(values{"SERVICEREQUEST_ECS_AGENCY": "false"}, pod), want: ofPod},

		// The block comes before the environment.
		{name: "block: key", env: merged(oidc, token, pair), block: values{"access_key": "a", "secret_key": "s"}, want: ofBlock},
		{name: "block: ECS agency", env: merged(token, values{"HW_AUTH_URL": "https://iam.example.com", "HW_DOMAIN_ID": "d"}), block: values{"ecs_agency": "true"}, want: "ECS {DomainID:d IAM:https://iam.example.com Metadata:<nil>}"},
		{name: "block: one half, environment: the other", env: pair, block: values{"access_key": "a"}, want: "AccessKey {AccessKey:a SecretKey:es SecurityToken: DomainID:}"},
		{name: "block: empty OIDC", env: merged(token, oidc), block: values{"assume_agency_with_oidc": "set"}, want: ofOIDC},

		// Where the ID token comes from.
		{name: "block: session of OIDC", env: oidc, block: values{"assume_agency_with_oidc.session_name": "mine", "assume_agency_with_oidc.duration": "900"},
			want: strings.NewReplacer("Name:"+defaultSessionName, "Name:mine", "Duration:0s", "Duration:15m0s").Replace(ofOIDC)},
		{name: "ID token: block before environment", env: merged(oidc, values{"HUAWEICLOUD_OIDC_ID_TOKEN": "e.y.J"}), block: values{"assume_agency_with_oidc.id_token_file": "mine"}, want: strings.Replace(ofOIDC, "File:file", "File:mine", 1)},
		{name: "ID token: text before file", env: merged(oidc, values{"HUAWEICLOUD_OIDC_ID_TOKEN": "e.y.J", "HUAWEICLOUD_OIDC_TOKEN_FILE": "eyJ.a.b"}), want: strings.Replace(ofOIDC, "Value: File:file", "Value:e.y.J File:", 1)},
		{name: "ID token: file before GitHub", env: merged(oidc, github), want: ofOIDC},
		{name: "ID token: GitHub before HCP Terraform", env: merged(without(oidc, "HUAWEICLOUD_OIDC_TOKEN_FILE"), github, values{"TFC_WORKLOAD_IDENTITY_TOKEN": "h.c.p"}), block: values{"assume_agency_with_oidc.audience": "aud"},
			want: strings.Replace(ofOIDC, "File:file RequestURL:<nil> RequestToken: Audience:", "File: RequestURL:https://github.example.com/?v=2 RequestToken:gt Audience:aud", 1)},
		{name: "ID token: HCP Terraform", env: merged(without(oidc, "HUAWEICLOUD_OIDC_TOKEN_FILE"), values{"TFC_WORKLOAD_IDENTITY_TOKEN": "h.c.p", "TFC_WORKLOAD_IDENTITY_TOKEN_SERVICEREQUEST": "t.a.g"}),
			want: strings.Replace(ofOIDC, "Value: File:file", "Value:t.a.g File:", 1)},
		{name: "ID token: none", env: without(oidc, "HUAWEICLOUD_OIDC_TOKEN_FILE"), missing: []string{"an ID token: `assume_agency_with_oidc.id_token` (HUAWEICLOUD_OIDC_ID_TOKEN or HW_ASSUME_ROLE_ID_TOKEN)", "`id-token: write`"}},

		// An agency on top of a key.
		{name: "agency", env: merged(agency, token, pair), want: "Agency {Base:{AccessKey:ea SecretKey:es SecurityToken: DomainID:} Duration:0s URN: STS:<nil> SessionName: IAM:https://iam.example.com Name:ops Domain:{ID: Name:other}}"},
		{name: "agency by STS", env: merged(pair, sts), block: values{"assume_agency.agency_urn": "iam::1:agency:a", "assume_agency.duration": "3600", "assume_agency.session_name": "deploy"},
			want: "Agency {Base:{AccessKey:ea SecretKey:es SecurityToken: DomainID:} Duration:1h0m0s URN:iam::1:agency:a STS:https://sts.example.com SessionName:deploy IAM:<nil> Name: Domain:{ID: Name:}}"},
		{name: "agency of the environment, key of the block", env: agency, block: values{"access_key": "a", "secret_key": "s"}, want: ofBlock},
		{name: "agency without a key", env: merged(agency, token), missing: []string{"with a token or a password, no agency is assumed. Unset assume_agency (HW_ASSUME_ROLE_AGENCY_NAME)"}},
		{name: "agency of the environment, token of this provider", env: merged(agency, pair, values{"SERVICEREQUEST_TOKEN": "mine"}), want: "Token mine"},
		{name: "agency of the block, token of this provider", env: merged(sts, values{"SERVICEREQUEST_TOKEN": "mine"}), block: values{"assume_agency.agency_urn": "iam::1:agency:a"}, missing: []string{"no agency is assumed"}},

		// What the block sets leaves nothing of the environment for the alternative.
		{name: "block: OIDC through IAM", env: oidc, block: values{"assume_agency_with_oidc.idp_id": "p", "assume_agency_with_oidc.id_token": "e.y.J", "auth_url": "https://iam.example.com", "domain_id": "i"}, want: ofIAM},
		{name: "block: account by name", env: merged(iamOIDC, oidc), block: values{"assume_agency_with_oidc.idp_id": "p", "assume_agency_with_oidc.id_token": "e.y.J", "domain_name": "n"}, want: strings.Replace(ofIAM, "ID:i Name:", "ID: Name:n", 1)},
		{name: "block: agency's account by name", env: merged(pair, agency, values{"HW_ASSUME_ROLE_DOMAIN_ID": "other"}), block: values{"assume_agency.agency_name": "ops", "assume_agency.domain_name": "mine"},
			want: "Agency {Base:{AccessKey:ea SecretKey:es SecurityToken: DomainID:} Duration:0s URN: STS:<nil> SessionName: IAM:https://iam.example.com Name:ops Domain:{ID: Name:mine}}"},
		{name: "block: agency by URN", env: merged(pair, agency, sts), block: values{"assume_agency.agency_urn": "iam::1:agency:a"},
			want: "Agency {Base:{AccessKey:ea SecretKey:es SecurityToken: DomainID:} Duration:0s URN:iam::1:agency:a STS:https://sts.example.com SessionName:terraform-provider-servicerequest IAM:<nil> Name: Domain:{ID: Name:}}"},
		{name: "account of the environment, profile", env: merged(profile, values{"HW_DOMAIN_ID": "other"}), want: ofProfile},
		{name: "account of the environment, pod", env: merged(pod, values{"HW_DOMAIN_ID": "other"}), want: ofPod},
		{name: "the text false is a name", env: merged(pair, values{"HW_PROFILE": "false", "HW_SHARED_CONFIG_FILE": "kooc.json"}), want: strings.Replace(ofProfile, "ops", "false", 1)},
		{name: "ID token: GitHub without an audience", env: merged(without(oidc, "HUAWEICLOUD_OIDC_TOKEN_FILE"), github), missing: []string{"`assume_agency_with_oidc.audience` (SERVICEREQUEST_OIDC_AUDIENCE)"}},
		{name: "agency without an account", env: merged(pair, values{"HW_AUTH_URL": "https://iam.example.com"}), block: values{"assume_agency.agency_name": "ops"},
			missing: []string{"`assume_agency.domain_id` (HW_ASSUME_ROLE_DOMAIN_ID) or `assume_agency.domain_name` (HW_ASSUME_ROLE_DOMAIN_NAME)"}},
		{name: "agency without STS", env: pair, block: values{"assume_agency.agency_urn": "iam::1:agency:a"}, missing: []string{"`sts_endpoint` (HUAWEICLOUD_SDK_STS_ENDPOINT)"}},
		{name: "agency with a token of IAM", env: merged(iamOIDC, agency), missing: []string{"IAM issues a token for an ID token, not an access key"}},

		// Something is missing.
		{name: "key without secret", env: values{"HW_ACCESS_KEY": "a"}, missing: []string{"`secret_key` (HW_SECRET_KEY)"}},
		{name: "secret without key", env: values{"HW_SECRET_KEY": "a"}, missing: []string{"`access_key` (HW_ACCESS_KEY"}},
		{name: "half a key before a whole login", env: merged(login, values{"HW_ACCESS_KEY": "a"}), missing: []string{"`secret_key` (HW_SECRET_KEY"}},
		{name: "block: half a key, environment: token", env: token, block: values{"secret_key": "s"}, missing: []string{"`access_key` (HW_ACCESS_KEY"}},
		{name: "user without password", env: without(login, "HW_USER_PASSWORD"), missing: []string{"`password` (HW_USER_PASSWORD"}},
		{name: "password without user", env: without(login, "HW_USER_NAME"), missing: []string{"`user_name` (HW_USER_NAME"}},
		{name: "login without account", env: without(login, "HW_DOMAIN_NAME"), missing: []string{"`domain_name` (HW_DOMAIN_NAME"}},
		{name: "login without IAM", env: without(login, "HW_AUTH_URL"), missing: []string{"`auth_url` (HW_AUTH_URL"}},
		{name: "OIDC without STS", env: without(oidc, "HUAWEICLOUD_SDK_STS_ENDPOINT"), missing: []string{"`sts_endpoint` (HUAWEICLOUD_SDK_STS_ENDPOINT)"}},
		{name: "OIDC without an account", env: without(iamOIDC, "HW_DOMAIN_ID", "HW_DOMAIN_NAME"), missing: []string{"`domain_id` (HW_DOMAIN_ID) or `domain_name` ("}},
		{name: "pod identity without a token", env: without(pod, "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"), missing: []string{"HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"}},
		{name: "what belongs to a method selects none", env: merged(sts, github, values{"HW_DOMAIN_NAME": "d", "HW_AUTH_URL": "https://iam.example.com", "HW_DOMAIN_ID": "i", "HW_SECURITY_TOKEN": "st", "HUAWEICLOUD_OIDC_ID_TOKEN": "e.y.J"}),
			missing: []string{"credentials: `token`"}},

		// Something is not known yet.
		{name: "token not known yet", env: pair, block: values{"token": unknownValue}, missing: []string{"`token`, whose value is not known yet: apply the resources that it depends on first"}},
		{name: "endpoint not known yet, a bad one in the environment", env: merged(token, values{"SERVICEREQUEST_ENDPOINT": "?"}), block: values{"endpoint": unknownValue}, want: ofToken,
			missing: []string{"`endpoint`, whose value is not known yet"}},
		{name: "OIDC not known yet", env: merged(token, values{"HUAWEICLOUD_OIDC_TOKEN_FILE": "eyJ.a.b"}), block: values{"assume_agency_with_oidc": unknownValue}, missing: []string{"`assume_agency_with_oidc`, whose value is not known yet"}},
		{name: "provider of OIDC not known yet", env: values{"HUAWEICLOUD_OIDC_TOKEN_FILE": "file"}, block: values{"assume_agency_with_oidc.idp_id": unknownValue}, missing: []string{"`assume_agency_with_oidc.idp_id`, whose value is not known yet"}},
		{name: "agency not known yet", env: pair, block: values{"assume_agency": unknownValue}, missing: []string{"`assume_agency`, whose value is not known yet"}},
		{name: "agency's URN not known yet", env: pair, block: values{"assume_agency.agency_urn": unknownValue}, missing: []string{"`assume_agency.agency_urn`, whose value is not known yet"}},
		{name: "ID token not known yet, a bad one in the environment", env: merged(oidc, values{"HUAWEICLOUD_OIDC_TOKEN_FILE": "eyJ.a.b"}), block: values{"assume_agency_with_oidc.id_token": unknownValue},
			want: strings.Replace(ofOIDC, "File:file", "File:", 1), missing: []string{"`assume_agency_with_oidc.id_token`, whose value is not known yet"}},
		{name: "agency's account not known yet, a bad one in the environment", env: merged(pair, agency, values{"HW_ASSUME_ROLE_DOMAIN_NAME": " bad"}), block: values{"assume_agency.domain_id": unknownValue},
			missing: []string{"`assume_agency.domain_id`, whose value is not known yet"}},
		{name: "another mode's value not known yet", block: values{"token": "t", "domain_id": unknownValue}, want: "Token t"},
		{name: "optional value not known yet", block: values{"access_key": "a", "secret_key": "s", "security_token": unknownValue}, want: ofBlock, missing: []string{"`security_token`, whose value is not known yet"}},

		// A pair and its token are of one family of variables, or of the block.
		{name: "aliases of OpenStack", env: values{"OS_ACCESS_KEY": "ea", "OS_SECRET_KEY": "es", "HW_SECURITY_TOKEN": "est"}, want: ofPair},
		{name: "halves of two families", env: values{"HW_ACCESS_KEY": "ea", "OS_SECRET_KEY": "es"}, missing: []string{"`secret_key`"}},
		{name: "token beside its pair", env: merged(pair, values{"HW_SECURITY_TOKEN": "est", "HUAWEICLOUD_SDK_SECURITY_TOKEN": "?"}), want: strings.Replace(ofPair, "Token:", "Token:est", 1)},
		{name: "token beside half a pair of the block", env: merged(pair, values{"HW_SECURITY_TOKEN": "est"}), block: values{"access_key": "a"}, want: "AccessKey {AccessKey:a SecretKey:es SecurityToken: DomainID:}"},
		{name: "account ID in the block, login in the environment", env: login, block: values{"domain_id": "i"}, want: ofLogin},
		{name: "token in the block", env: merged(pair, values{"HW_SECURITY_TOKEN": "est"}), block: values{"access_key": "a", "secret_key": "s", "security_token": "st"}, want: strings.Replace(ofBlock, "Token:", "Token:st", 1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := row.env.read(merged(values{"endpoint": "https://osm.example.com"}, row.block))
			got := ""
			if c.client.Credentials != nil {
				got = strings.TrimPrefix(fmt.Sprintf("%T %+v", c.client.Credentials, c.client.Credentials), "credentials.")
			}
			wantValue(t, "the source", got, row.want)
			if len(c.missing) != min(len(row.missing), 1) || len(c.invalid) > 0 {
				t.Errorf("missing %q, invalid %q", c.missing, c.invalid)
			}
			wantAll(t, strings.Join(c.missing, "\n"), row.missing...)
		})
	}
}

func TestConflictingCredentials(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		block values
		want  string
	}{
		{values{"token": "t", "access_key": "a"}, "The provider block configures two authentication methods: token (token) and access key (access_key). Remove one of them."},
		{values{"assume_agency": "set", "token": "t"}, "An agency is assumed with an access key, but the provider block configures another authentication method: token (token)."},
		{values{"assume_agency_with_oidc.idp_id": "p", "assume_agency_with_oidc.agency_urn": "iam::1:agency:a"}, "assume_agency_with_oidc.idp_id and assume_agency_with_oidc.agency_urn exclude each other."},
		{values{"assume_agency_with_oidc.id_token": "t", "assume_agency_with_oidc.id_token_file": "f"}, "exclude each other"},
		{values{"assume_agency.agency_urn": "iam::1:agency:a", "assume_agency.agency_name": "a"}, "exclude each other"},
		{values{"assume_agency.agency_urn": "iam::1:agency:a", "assume_agency.duration": "43201"}, "STS issues keys for at most 43200 seconds"},
		{values{"assume_agency.agency_urn": "iam::1:agency:a", "assume_agency.duration": "43200"}, ""},
		{values{"assume_agency": "set", "profile": "p"}, ""},
		{values{"token": "t", "ecs_agency": "false", "domain_id": "d"}, ""},
		{values{"token": unknownValue, "access_key": "a"}, ""},
	} {
		diags := checkModes(row.block.block())
		if row.want == "" {
			if len(diags) > 0 {
				t.Errorf("%v: %v", row.block, diags)
			}
			continue
		}
		if len(diags) != 1 || !strings.Contains(diags[0].Detail(), row.want) {
			t.Errorf("%v: %v, want %s", row.block, diags, row.want)
		}
	}
}

func TestSecretsAreKnown(t *testing.T) {
	t.Parallel()
	c := values{"HW_AUTH_TOKEN": "s1", "HW_ACCESS_KEY": "s2", "HW_SECRET_KEY": "s3", "HW_SECURITY_TOKEN": "s4", "HW_USER_PASSWORD": "s5", "HUAWEICLOUD_OIDC_ID_TOKEN": "s6", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "s7", "TFC_WORKLOAD_IDENTITY_TOKEN": "s8"}.read(nil)
	slices.Sort(c.secrets)
	if want := []string{"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"}; !slices.Equal(c.secrets, want) {
		t.Errorf("secrets %q, want %q", c.secrets, want)
	}
}

func TestEnvironmentSkipsEmptyVariables(t *testing.T) {
	t.Setenv("SERVICEREQUEST_TEST_A", "")
	t.Setenv("SERVICEREQUEST_TEST_B", "b")
	if name, value := environment([]string{"SERVICEREQUEST_TEST_A", "SERVICEREQUEST_TEST_B", "SERVICEREQUEST_TEST_C"}); name != "SERVICEREQUEST_TEST_B" || value != "b" {
		t.Errorf("%s=%s", name, value)
	}
}
