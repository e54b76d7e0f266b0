package provider

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// values are arguments of the provider block, or variables of an environment.
type values map[string]string

const unknownValue = "(known after apply)"

// block is a provider block with these arguments.
func block(t *testing.T, arguments values) *providerModel {
	t.Helper()
	m := &providerModel{}
	left := len(arguments)
	for i := range reflect.TypeFor[providerModel]().NumField() {
		text, given := arguments[reflect.TypeFor[providerModel]().Field(i).Tag.Get("tfsdk")]
		if !given {
			continue
		}
		left--
		var err error
		switch field := reflect.ValueOf(m).Elem().Field(i).Addr().Interface().(type) {
		case *types.String:
			if *field = types.StringValue(text); text == unknownValue {
				*field = types.StringUnknown()
			}
		case *types.Int64:
			var n int64
			n, err = strconv.ParseInt(text, 10, 64)
			if *field = types.Int64Value(n); text == unknownValue {
				*field, err = types.Int64Unknown(), nil
			}
		case *types.Bool:
			var b bool
			b, err = strconv.ParseBool(text)
			if *field = types.BoolValue(b); text == unknownValue {
				*field, err = types.BoolUnknown(), nil
			}
		default:
			t.Fatalf("no case for %T", field)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if left != 0 {
		t.Fatalf("not all of %v are attributes", arguments)
	}
	return m
}

// read resolves a provider block and an environment. An empty variable counts as
// unset.
func (v values) read(t *testing.T, arguments values) config {
	t.Helper()
	return readConfig(block(t, arguments), func(names []string) (string, string) {
		for _, name := range names {
			if v[name] != "" {
				return name, v[name]
			}
		}
		return "", ""
	})
}

func with(base values, pairs ...string) values {
	out := values{}
	for name, value := range base {
		out[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// certificate is a PEM file, with a comment that distinguishes it.
func certificate(t *testing.T, comment string) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	name := filepath.Join(t.TempDir(), "ca.pem")
	text := append([]byte(comment+"\n"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})...)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestEveryKey(t *testing.T) {
	t.Parallel()
	accessKey := func(c config) servicerequest.AccessKey {
		k, _ := c.client.Credentials.(servicerequest.AccessKey)
		return k
	}
	password := func(c config) servicerequest.Password {
		p, _ := c.client.Credentials.(servicerequest.Password)
		return p
	}
	url := func(u fmt.Stringer) string {
		if reflect.ValueOf(u).IsNil() {
			return ""
		}
		return u.String()
	}
	token := values{"token": "t"}
	pair := values{"access_key": "a", "secret_key": "s"}
	login := values{"user_name": "u", "password": "p", "domain_name": "d", "auth_url": "https://iam.example.com"}
	type row struct {
		key       string
		variables []string
		base      values // what else the provider block has
		one, two  string // values
		bad       string // a value that is refused
		unset     string // what the default comes to
		get       func(config) string
	}
	rows := []row{
		{"endpoint", []string{"SERVICEREQUEST_ENDPOINT"}, token, "https://one.example.com", "https://two.example.com/base", "http://example.com", "",
			func(c config) string { return url(c.client.Endpoint) }},
		{"token", []string{"SERVICEREQUEST_TOKEN", "HW_AUTH_TOKEN"}, nil, "one", "two", "a\nb", "",
			func(c config) string { token, _ := c.client.Credentials.(servicerequest.Token); return string(token) }},
		{"access_key", []string{"HW_ACCESS_KEY"}, values{"secret_key": "s"}, "one", "two", strings.Repeat("a", 129), "",
			func(c config) string { return accessKey(c).AccessKey }},
		{"secret_key", []string{"HW_SECRET_KEY"}, values{"access_key": "a"}, "one", "two", "a\tb", "",
			func(c config) string { return accessKey(c).SecretKey }},
		{"security_token", []string{"HW_SECURITY_TOKEN"}, nil, "one", "two", "a\nb", "",
			func(c config) string { return accessKey(c).SecurityToken }},
		{"domain_id", []string{"HW_DOMAIN_ID"}, pair, "one", "two", strings.Repeat("a", 65), "",
			func(c config) string { return accessKey(c).DomainID }},
		{"user_name", []string{"HW_USER_NAME"}, login, "one", "two", "a\nb", "", func(c config) string { return password(c).UserName }},
		{"password", []string{"HW_USER_PASSWORD"}, login, "one", "two", strings.Repeat("a", 1025), "", func(c config) string { return password(c).Password }},
		{"domain_name", []string{"HW_DOMAIN_NAME"}, login, "one", "two", "a\nb", "", func(c config) string { return password(c).DomainName }},
		{"auth_url", []string{"HW_AUTH_URL"}, login, "https://one.example.com/v3", "https://two.example.com", "iam.example.com", "",
			func(c config) string { return url(password(c).AuthURL) }},
		{"language", []string{"SERVICEREQUEST_LANGUAGE"}, token, "en-us", "zh-cn", "en\nus", "", func(c config) string { return c.client.Language }},
		{"time_zone", []string{"SERVICEREQUEST_TIME_ZONE"}, token, "GMT+1", "GMT+2", strings.Repeat("a", 33), "", func(c config) string { return c.client.TimeZone }},
		{"site", []string{"SERVICEREQUEST_SITE"}, token, "china", "international", "China", "",
			func(c config) string {
				return map[string]string{"": "", "0": "china", "1": "international"}[c.client.Site]
			}},
		{"request_timeout", []string{"SERVICEREQUEST_REQUEST_TIMEOUT"}, token, "1m0s", "2m0s", "1", "30s",
			func(c config) string { return c.client.RequestTimeout.String() }},
		{"max_retries", []string{"SERVICEREQUEST_MAX_RETRIES", "HW_MAX_RETRIES"}, token, "0", "7", "many", "5",
			func(c config) string { return strconv.Itoa(c.retries) }},
		{"insecure", []string{"SERVICEREQUEST_INSECURE", "HW_INSECURE"}, token, "true", "false", "maybe", "false",
			func(c config) string { return strconv.FormatBool(c.client.Insecure) }},
		{"ca_cert_file", []string{"SERVICEREQUEST_CA_CERT_FILE"}, token, certificate(t, "one"), certificate(t, "two"), "no such file", "",
			func(c config) string { return string(c.client.CACertPEM) }},
	}
	for _, row := range rows {
		t.Run(row.key, func(t *testing.T) {
			t.Parallel()
			want := func(env, arguments values, want string) {
				t.Helper()
				if row.key == "security_token" { // it is of the same source as its pair
					env = with(env, "HW_ACCESS_KEY", "a", "HW_SECRET_KEY", "s")
				}
				if row.key != "endpoint" {
					arguments = with(arguments, "endpoint", "https://osm.example.com")
				}
				c := env.read(t, arguments)
				if c.diagnostics.HasError() {
					t.Fatalf("environment %v, block %v: %v", env, arguments, c.diagnostics)
				}
				got := row.get(c)
				if row.key == "ca_cert_file" && want != "" {
					content, _ := os.ReadFile(want)
					want = string(content)
				}
				if got != want {
					t.Errorf("environment %v, block %v: %q, want %q", env, arguments, got, want)
				}
			}
			base := with(row.base)
			delete(base, row.key)
			last := row.variables[len(row.variables)-1]
			want(values{}, base, row.unset)
			want(values{last: row.one}, base, row.one)
			want(values{last: ""}, base, row.unset)
			want(values{row.variables[0]: row.two}, base, row.two)
			want(values{row.variables[0]: row.two}, with(base, row.key, row.one), row.one)
			want(values{row.variables[0]: row.one}, with(base, row.key, row.two), row.two)
			// An unused value may be anything.
			want(values{row.variables[0]: row.bad}, with(base, row.key, row.two), row.two)
			if len(row.variables) == 2 {
				want(values{row.variables[0]: row.one, last: row.two}, base, row.one)
				want(values{row.variables[0]: "", last: row.two}, base, row.two)
				want(values{row.variables[0]: row.one, last: row.bad}, base, row.one)
			}

			for _, variable := range row.variables {
				env := values{variable: row.bad}
				if row.key == "security_token" {
					env = with(env, "HW_ACCESS_KEY", "a", "HW_SECRET_KEY", "s")
				}
				c := env.read(t, base)
				if c.diagnostics.ErrorsCount() != 1 {
					t.Fatalf("%s=%q: %v", variable, row.bad, c.diagnostics)
				}
				d := c.diagnostics.Errors()[0]
				if at, ok := d.(diag.DiagnosticWithPath); !ok || !at.Path().Equal(path.Root(row.key)) {
					t.Errorf("not at %s: %v", row.key, d)
				}
				if !strings.HasPrefix(d.Detail(), variable+" ") || d.Summary() != "Invalid "+variable {
					t.Errorf("%s: %s does not begin with the variable", d.Summary(), d.Detail())
				}
			}

			attribute, ok := providerAttributes()[row.key]
			if !ok || !attribute.IsOptional() {
				t.Fatalf("no optional attribute %s", row.key)
			}
			for _, variable := range row.variables {
				wantAll(t, attribute.GetMarkdownDescription(), "`"+variable+"`")
			}
			secret := slices.Contains([]string{"token", "access_key", "secret_key", "security_token", "password"}, row.key)
			if attribute.IsSensitive() != secret {
				t.Errorf("sensitive: %v", attribute.IsSensitive())
			}
		})
	}
	for name := range providerAttributes() {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.key == name }) {
			t.Errorf("%s has no row", name)
		}
	}
}

// Which authentication method is used, and what is missing for it.
func TestCredentialsAreChosen(t *testing.T) {
	t.Parallel()
	const tokenOf, pairOf, loginOf = "token", "access key", "user name and password"
	tokenEnv := values{"HW_AUTH_TOKEN": "et"}
	pairEnv := values{"HW_ACCESS_KEY": "ea", "HW_SECRET_KEY": "es"}
	loginEnv := values{"HW_USER_NAME": "eu", "HW_USER_PASSWORD": "ep", "HW_DOMAIN_NAME": "ed", "HW_AUTH_URL": "https://iam.example.com"}
	all := with(tokenEnv)
	for _, env := range []values{pairEnv, loginEnv} {
		for name, value := range env {
			all[name] = value
		}
	}
	without := func(v values, names ...string) values {
		v = with(v)
		for _, name := range names {
			delete(v, name)
		}
		return v
	}
	for _, row := range []struct {
		name       string
		env, block values
		mode       string   // "" is none
		missing    []string // parts of the text
	}{
		{name: "nothing", missing: []string{"`token` (SERVICEREQUEST_TOKEN or HW_AUTH_TOKEN)", "`access_key` and `secret_key` (HW_ACCESS_KEY, HW_SECRET_KEY)",
			"`user_name`, `password`, `domain_name` and `auth_url` (HW_USER_NAME, HW_USER_PASSWORD, HW_DOMAIN_NAME, HW_AUTH_URL)"}},
		{name: "environment: all", env: all, mode: tokenOf},
		{name: "environment: key and password", env: without(all, "HW_AUTH_TOKEN"), mode: pairOf},
		{name: "environment: password", env: loginEnv, mode: loginOf},
		{name: "block: key over the environment's token", env: all, block: values{"access_key": "a", "secret_key": "s"}, mode: pairOf},
		{name: "block: password over the environment's token", env: all, block: values{"user_name": "u", "password": "p"}, mode: loginOf},
		{name: "block: token over the environment's key", env: without(all, "HW_AUTH_TOKEN"), block: values{"token": "t"}, mode: tokenOf},
		{name: "block: one half, environment: the other", env: pairEnv, block: values{"access_key": "a"}, mode: pairOf},
		{name: "block: account, environment: user", env: loginEnv, block: values{"domain_name": "d"}, mode: loginOf},

		{name: "key without secret", env: values{"HW_ACCESS_KEY": "a"}, missing: []string{"`secret_key` (HW_SECRET_KEY)"}},
		{name: "secret without key", env: values{"HW_SECRET_KEY": "a"}, missing: []string{"`access_key` (HW_ACCESS_KEY)"}},
		{name: "half a key before a whole login", env: with(loginEnv, "HW_ACCESS_KEY", "a"), missing: []string{"`secret_key` (HW_SECRET_KEY)"}},
		{name: "block: half a key, environment: token", env: tokenEnv, block: values{"secret_key": "s"}, missing: []string{"`access_key` (HW_ACCESS_KEY)"}},
		{name: "user without password", env: without(loginEnv, "HW_USER_PASSWORD"), missing: []string{"`password` (HW_USER_PASSWORD)"}},
		{name: "password without user", env: without(loginEnv, "HW_USER_NAME"), missing: []string{"`user_name` (HW_USER_NAME)"}},
		{name: "login without account", env: without(loginEnv, "HW_DOMAIN_NAME"), missing: []string{"`domain_name` (HW_DOMAIN_NAME)"}},
		{name: "login without IAM", env: without(loginEnv, "HW_AUTH_URL"), missing: []string{"`auth_url` (HW_AUTH_URL)"}},
		{name: "account alone is no way of authentication", env: values{"HW_DOMAIN_NAME": "d", "HW_AUTH_URL": "https://iam.example.com", "HW_DOMAIN_ID": "i", "HW_SECURITY_TOKEN": "st"},
			missing: []string{"credentials: `token`"}},

		{name: "token not known yet", env: pairEnv, block: values{"token": unknownValue}, missing: []string{"`token`, whose value is not known yet: apply the resources that it depends on first"}},
		{name: "secret not known yet", env: tokenEnv, block: values{"access_key": "a", "secret_key": unknownValue}, missing: []string{"`secret_key`, whose value is not known yet: apply the resources that it depends on first"}},
		{name: "password not known yet", env: loginEnv, block: values{"password": unknownValue}, missing: []string{"`password`, whose value is not known yet: apply the resources that it depends on first"}},
		{name: "another mode's value not known yet", block: values{"token": "t", "domain_id": unknownValue}, mode: tokenOf},
		{name: "optional value not known yet", block: values{"access_key": "a", "secret_key": "s", "security_token": unknownValue}, mode: pairOf, missing: []string{"`security_token`, whose value is not known yet: apply the resources that it depends on first"}},

		// Values of an unused method may be anything.
		{name: "bad values of other ways", env: values{"HW_AUTH_TOKEN": "t", "HW_ACCESS_KEY": "a\nb", "HW_SECURITY_TOKEN": "\n", "HW_AUTH_URL": "iam", "HW_USER_PASSWORD": strings.Repeat("p", 2000)}, mode: tokenOf},
		{name: "bad token beside a block's key", env: values{"HW_AUTH_TOKEN": "a\nb"}, block: values{"access_key": "a", "secret_key": "s"}, mode: pairOf},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := row.env.read(t, with(row.block, "endpoint", "https://osm.example.com"))
			if c.diagnostics.HasError() {
				t.Fatal(c.diagnostics)
			}
			mode := ""
			switch c.client.Credentials.(type) {
			case servicerequest.Token:
				mode = tokenOf
			case servicerequest.AccessKey:
				mode = pairOf
			case servicerequest.Password:
				mode = loginOf
			}
			if mode != row.mode {
				t.Errorf("mode %q, want %q", mode, row.mode)
			}
			if len(c.missing) != min(len(row.missing), 1) {
				t.Errorf("missing %q", c.missing)
			}
			wantAll(t, strings.Join(c.missing, "\n"), row.missing...)
		})
	}
}

// A security token belongs to its key pair.
func TestSecurityTokenStaysWithItsPair(t *testing.T) {
	t.Parallel()
	env := values{"HW_ACCESS_KEY": "ea", "HW_SECRET_KEY": "es", "HW_SECURITY_TOKEN": "est", "HW_DOMAIN_ID": "ed"}
	for _, row := range []struct {
		env, block values
		want       servicerequest.AccessKey
	}{
		{env, nil, servicerequest.AccessKey{AccessKey: "ea", SecretKey: "es", SecurityToken: "est", DomainID: "ed"}},
		{env, values{"access_key": "a", "secret_key": "s"}, servicerequest.AccessKey{AccessKey: "a", SecretKey: "s", DomainID: "ed"}},
		{env, values{"access_key": "a", "secret_key": "s", "security_token": "st"}, servicerequest.AccessKey{AccessKey: "a", SecretKey: "s", SecurityToken: "st", DomainID: "ed"}},
	} {
		c := row.env.read(t, with(row.block, "endpoint", "https://osm.example.com"))
		if c.client.Credentials != row.want {
			t.Errorf("block %v: %+v, want %+v", row.block, c.client.Credentials, row.want)
		}
	}
}

func TestSecretsAreKnown(t *testing.T) {
	t.Parallel()
	c := values{"HW_AUTH_TOKEN": "s1", "HW_ACCESS_KEY": "s2", "HW_SECRET_KEY": "s3", "HW_SECURITY_TOKEN": "s4", "HW_USER_PASSWORD": "s5"}.read(t, nil)
	slices.Sort(c.secrets)
	if want := []string{"s1", "s2", "s3", "s4", "s5"}; !slices.Equal(c.secrets, want) {
		t.Errorf("secrets %q, want %q", c.secrets, want)
	}
}

func TestUnknownBlock(t *testing.T) {
	t.Parallel()
	arguments := values{}
	for name := range providerAttributes() {
		arguments[name] = unknownValue
	}
	// The environment does not replace a value that is not known yet.
	c := values{"SERVICEREQUEST_ENDPOINT": "https://osm.example.com", "HW_AUTH_TOKEN": "t", "SERVICEREQUEST_SITE": "nowhere", "HW_INSECURE": "?", "HW_MAX_RETRIES": "?"}.read(t, arguments)
	if len(c.diagnostics) > 0 {
		t.Error(c.diagnostics)
	}
	wantAll(t, strings.Join(c.missing, "\n"), "`endpoint`, whose value is not known yet", "`token`, whose value is not known yet")
	if diags := checkOneMode(block(t, arguments)); len(diags) > 0 {
		t.Errorf("unknown credentials conflict: %v", diags)
	}
}

func TestInsecureWarns(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		env, block values
		want       int
	}{
		{nil, nil, 0},
		{values{"HW_INSECURE": "true"}, nil, 1},
		{nil, values{"insecure": "true"}, 1},
		{values{"HW_INSECURE": "true"}, values{"insecure": "false"}, 0},
	} {
		if c := row.env.read(t, row.block); c.diagnostics.WarningsCount() != row.want || len(c.diagnostics) != row.want {
			t.Errorf("environment %v, block %v: %v", row.env, row.block, c.diagnostics)
		}
	}
}

func TestEnvironmentSkipsEmptyVariables(t *testing.T) {
	t.Setenv("SERVICEREQUEST_TEST_A", "")
	t.Setenv("SERVICEREQUEST_TEST_B", "b")
	if name, value := environment([]string{"SERVICEREQUEST_TEST_A", "SERVICEREQUEST_TEST_B", "SERVICEREQUEST_TEST_C"}); name != "SERVICEREQUEST_TEST_B" || value != "b" {
		t.Errorf("%s=%s", name, value)
	}
	if name, value := environment([]string{"SERVICEREQUEST_TEST_A"}); name != "" || value != "" {
		t.Errorf("%s=%s", name, value)
	}
}
