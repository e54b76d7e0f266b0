package provider

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// Defaults of the provider block.
const (
	defaultRequestTimeout = "30s"
	defaultMaxRetries     = 5
)

// setting is a string attribute of the provider block. The first of its
// environment variables that is not empty is used where the block does not set it.
type setting struct {
	name        string
	env         []string
	sensitive   bool
	check       check
	value       func(*providerModel) types.String
	description string
}

// header checks a value that is sent as a header: a line break in it would add
// another header.
func header(limit int) check { return all(length(1, limit), noControl) }

var settings = []setting{
	{
		name: "endpoint", env: []string{"SERVICEREQUEST_ENDPOINT"}, check: endpoint,
		value: func(m *providerModel) types.String { return m.Endpoint },
		description: "Base URL of the service: " +
			"`https://osm.cn-south-1.myhuaweicloud.com` (China), `https://osm.ap-southeast-3.myhuaweicloud.com` (International) " +
			"or `https://osm.eu-west-101.myhuaweicloud.eu` (Europe). Must use `https`; `http` is accepted for loopback hosts only. It may have a path.",
	},
	{
		name: "token", env: []string{"SERVICEREQUEST_TOKEN", "HW_AUTH_TOKEN"}, sensitive: true, check: header(5000),
		value:       func(m *providerModel) types.String { return m.Token },
		description: "IAM user token, sent as `X-Auth-Token`. 1 to 5000 characters. A token is valid for 24 hours.",
	},
	{
		name: "access_key", env: []string{"HW_ACCESS_KEY"}, sensitive: true, check: header(128),
		value:       func(m *providerModel) types.String { return m.AccessKey },
		description: "Access key (AK). Requests are signed with it and `secret_key`. Huawei Cloud recommends access keys over tokens.",
	},
	{
		name: "secret_key", env: []string{"HW_SECRET_KEY"}, sensitive: true, check: header(128),
		value:       func(m *providerModel) types.String { return m.SecretKey },
		description: "Secret key (SK) of `access_key`. It is never sent.",
	},
	{
		name: "security_token", env: []string{"HW_SECURITY_TOKEN"}, sensitive: true, check: header(10000),
		value:       func(m *providerModel) types.String { return m.SecurityToken },
		description: "Security token of a temporary `access_key`. The environment variable is ignored if the provider block sets both `access_key` and `secret_key`.",
	},
	{
		name: "domain_id", env: []string{"HW_DOMAIN_ID"}, check: header(64),
		value:       func(m *providerModel) types.String { return m.DomainID },
		description: "Account ID, sent as `X-Domain-Id` in signed requests.",
	},
	{
		name: "user_name", env: []string{"HW_USER_NAME"}, check: all(length(1, 255), noControl),
		value:       func(m *providerModel) types.String { return m.UserName },
		description: "IAM user name. With `password`, `domain_name` and `auth_url`, the provider gets a token from IAM.",
	},
	{
		name: "password", env: []string{"HW_USER_PASSWORD"}, sensitive: true, check: length(1, 1024),
		value:       func(m *providerModel) types.String { return m.Password },
		description: "Password of the IAM user.",
	},
	{
		name: "domain_name", env: []string{"HW_DOMAIN_NAME"}, check: all(length(1, 255), noControl),
		value:       func(m *providerModel) types.String { return m.DomainName },
		description: "Name of the account (domain) to which the IAM user belongs.",
	},
	{
		name: "auth_url", env: []string{"HW_AUTH_URL"}, check: endpoint,
		value:       func(m *providerModel) types.String { return m.AuthURL },
		description: "Base URL of IAM, with or without `/v3`, such as `https://iam.eu-west-101.myhuaweicloud.eu`. Must use `https`, like `endpoint`.",
	},
	{
		name: "language", env: []string{"SERVICEREQUEST_LANGUAGE"}, check: header(32),
		value:       func(m *providerModel) types.String { return m.Language },
		description: "Language, sent as `X-Language`, such as `en-us`. 1 to 32 characters. If unset, nothing is sent, and the service uses `zh-cn`.",
	},
	{
		name: "time_zone", env: []string{"SERVICEREQUEST_TIME_ZONE"}, check: header(32),
		value:       func(m *providerModel) types.String { return m.TimeZone },
		description: "Time zone, sent as `X-Time-Zone`, such as `GMT+1`. 1 to 32 characters. If unset, nothing is sent, and the service uses `GMT+8`.",
	},
	{
		name: "site", env: []string{"SERVICEREQUEST_SITE"}, check: oneOf("china", "international"),
		value:       func(m *providerModel) types.String { return m.Site },
		description: "Site, sent as `X-Site`: `china` or `international`. Set it only if the service requires it. If unset, nothing is sent.",
	},
	{
		name: "request_timeout", env: []string{"SERVICEREQUEST_REQUEST_TIMEOUT"}, check: duration(time.Millisecond, time.Hour),
		value:       func(m *providerModel) types.String { return m.RequestTimeout },
		description: "Time limit for one HTTP request, as a duration from `1ms` to `1h`. Default `" + defaultRequestTimeout + "`.",
	},
	{
		name: "ca_cert_file", env: []string{"SERVICEREQUEST_CA_CERT_FILE"}, check: length(1, 4096),
		value:       func(m *providerModel) types.String { return m.CACertFile },
		description: "Path of a PEM file with CA certificates. They replace the system's certificates.",
	},
}

// The attributes that are not strings have their variables here.
var (
	maxRetriesEnv = []string{"SERVICEREQUEST_MAX_RETRIES", "HW_MAX_RETRIES"}
	insecureEnv   = []string{"SERVICEREQUEST_INSECURE", "HW_INSECURE"}
)

func providerAttributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{
		"max_retries": schema.Int64Attribute{
			Optional:   true,
			Validators: []validator.Int64{int64validator.Between(0, maxMaxRetries)},
			MarkdownDescription: fmt.Sprintf("Maximum number of retries for each message, 0 to %d. Default %d. ", maxMaxRetries, defaultMaxRetries) +
				"A message is retried only if the service is known not to have processed it, or if a check does not find it on the ticket. " +
				"Other calls are retried up to 3 times regardless of this setting. " +
				"HTTP 429 does not count: the provider waits until the service lets the call through or the time limit of the message is over, 5 minutes for other calls. " +
				orVariables(maxRetriesEnv),
		},
		"insecure": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Accept any server certificate. Default `false`. For tests only: anyone between this machine and the service can read the credentials and the messages. " +
				orVariables(insecureEnv),
		},
	}
	for _, s := range settings {
		attributes[s.name] = schema.StringAttribute{
			Optional:            true,
			Sensitive:           s.sensitive,
			Validators:          []validator.String{s.check},
			MarkdownDescription: s.description + " " + orVariables(s.env),
		}
	}
	return attributes
}

func orVariables(names []string) string {
	noun := "variable"
	if len(names) > 1 {
		noun = "variables"
	}
	return "Environment " + noun + ": `" + strings.Join(names, "`, then `") + "`."
}

// mode is an authentication method, with the attributes that it uses.
type mode struct {
	name     string
	selects  []string // any of them selects the mode
	required []string
	optional []string
	make     func(config) servicerequest.Credentials
}

// modes are in the order in which the environment is searched for them.
var modes = []mode{
	{
		name: "token", selects: []string{"token"}, required: []string{"token"},
		make: func(c config) servicerequest.Credentials { return servicerequest.Token(c.values["token"]) },
	},
	{
		name:     "access key",
		selects:  []string{"access_key", "secret_key"},
		required: []string{"access_key", "secret_key"},
		optional: []string{"security_token", "domain_id"},
		make: func(c config) servicerequest.Credentials {
			return servicerequest.AccessKey{
				AccessKey: c.values["access_key"], SecretKey: c.values["secret_key"],
				SecurityToken: c.values["security_token"], DomainID: c.values["domain_id"],
			}
		},
	},
	{
		name:     "user name and password",
		selects:  []string{"user_name", "password"},
		required: []string{"user_name", "password", "domain_name", "auth_url"},
		make: func(c config) servicerequest.Credentials {
			authURL, _ := servicerequest.ParseEndpoint(c.values["auth_url"]) // checked before
			return servicerequest.Password{
				AuthURL: authURL, UserName: c.values["user_name"], Password: c.values["password"], DomainName: c.values["domain_name"],
			}
		},
	},
}

// firstSet returns the first of names that the provider block sets. If unknown is
// true, unknown values count as set.
func firstSet(m *providerModel, names []string, unknown bool) string {
	for _, s := range settings {
		if v := s.value(m); slices.Contains(names, s.name) && !v.IsNull() && (unknown || !v.IsUnknown()) {
			return s.name
		}
	}
	return ""
}

// checkOneMode refuses a provider block with two authentication methods.
func checkOneMode(m *providerModel) diag.Diagnostics {
	var diags diag.Diagnostics
	var first mode
	for _, mode := range modes {
		name := firstSet(m, mode.selects, false)
		switch {
		case name == "":
		case first.name == "":
			first = mode
		default:
			diags.AddAttributeError(path.Root(name), conflictingCredentialsError,
				fmt.Sprintf("The provider block configures two authentication methods: %s (%s) and %s (%s). Remove one of them.",
					first.name, strings.Join(first.selects, ", "), mode.name, strings.Join(mode.selects, ", ")))
		}
	}
	return diags
}

// environment returns the first of the variables that is set. An empty variable
// counts as unset, since shells and pipelines cannot always unset one.
func environment(names []string) (name, value string) {
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			return name, value
		}
	}
	return "", ""
}

// config is the resolved configuration: the provider block comes before the
// environment, and the environment before the defaults.
type config struct {
	client      servicerequest.Config
	retries     int      // max_retries
	missing     []string // settings that an API call needs and that are not set
	secrets     []string
	diagnostics diag.Diagnostics

	// The rest is by attribute.
	values  map[string]string // only what is set
	sources map[string]string // the variable that the value is from; "" is the provider block
	unknown map[string]bool
	bad     map[string]error // values that cannot be used
}

// readConfig resolves the provider block. Its only inputs are its arguments,
// and the file that ca_cert_file names.
func readConfig(m *providerModel, env func(names []string) (name, value string)) config {
	c := config{values: map[string]string{}, sources: map[string]string{}, unknown: map[string]bool{}, bad: map[string]error{}}
	for _, s := range settings {
		value := s.value(m)
		if value.IsUnknown() {
			c.unknown[s.name] = true
			continue
		}
		text, source := value.ValueString(), ""
		if value.IsNull() {
			source, text = env(s.env)
		}
		if text == "" {
			continue // an empty value in the provider block was refused by its validator
		}
		c.values[s.name], c.sources[s.name] = text, source
		if s.sensitive {
			c.secrets = append(c.secrets, text)
		}
		if err := s.check(text); err != nil {
			c.bad[s.name] = err
		}
	}
	c.credentials(m)
	for _, s := range settings {
		if err := c.bad[s.name]; err != nil {
			c.diagnostics.Append(c.invalid(s.name, err))
		}
	}
	if c.diagnostics.HasError() {
		return c
	}
	if c.require("endpoint") {
		c.client.Endpoint, _ = servicerequest.ParseEndpoint(c.values["endpoint"]) // checked above
	}
	// An unknown optional value counts as missing. Otherwise a call would use the
	// default, or be signed without the security token.
	c.unknown["max_retries"], c.unknown["insecure"] = m.MaxRetries.IsUnknown(), m.Insecure.IsUnknown()
	for _, name := range slices.Sorted(maps.Keys(c.unknown)) {
		if c.unknown[name] {
			c.missing = append(c.missing, "`"+name+"`, whose value is not known yet: apply the resources that it depends on first")
		}
	}
	c.client.Language, c.client.TimeZone = c.values["language"], c.values["time_zone"]
	c.client.Site = map[string]string{"china": "0", "international": "1"}[c.values["site"]]
	c.client.RequestTimeout = c.duration("request_timeout", defaultRequestTimeout)
	c.retries = c.maxRetries(m.MaxRetries, env)
	c.client.Insecure = c.insecure(m.Insecure, env)
	c.client.CACertPEM = c.caCert()
	return c
}

// credentials chooses the mode: that of the provider block, else the first mode
// for which the environment has a value. It drops the values of the other modes:
// an unused variable may have any value.
func (c *config) credentials(m *providerModel) {
	chosen := slices.IndexFunc(modes, func(mode mode) bool { return firstSet(m, mode.selects, true) != "" })
	if chosen < 0 {
		chosen = slices.IndexFunc(modes, func(mode mode) bool { return slices.ContainsFunc(mode.selects, c.has) })
	}
	for i, mode := range modes {
		if i == chosen {
			continue
		}
		for _, name := range slices.Concat(mode.required, mode.optional) {
			if c.sources[name] != "" {
				delete(c.bad, name)
			}
			delete(c.unknown, name)
		}
	}
	if chosen < 0 {
		c.missing = append(c.missing, "credentials: `token` ("+variables("token")+"), or `access_key` and `secret_key` ("+
			variables("access_key", "secret_key")+"), or `user_name`, `password`, `domain_name` and `auth_url` ("+
			variables("user_name", "password", "domain_name", "auth_url")+")")
		return
	}
	// A security token belongs to its key pair. One from the environment does not
	// belong to a pair in the provider block.
	if c.sources["security_token"] != "" && c.sources["access_key"] == "" && c.sources["secret_key"] == "" {
		delete(c.values, "security_token")
	}
	if c.require(modes[chosen].required...) {
		c.client.Credentials = modes[chosen].make(*c)
	}
}

func (c *config) has(name string) bool { _, ok := c.values[name]; return ok }

// require records which of the names are missing, and reports whether none is.
func (c *config) require(names ...string) bool {
	complete := true
	for _, name := range names {
		if c.has(name) {
			continue
		}
		complete = false
		if !c.unknown[name] {
			c.missing = append(c.missing, "`"+name+"` ("+variables(name)+")")
		}
	}
	return complete
}

// variables lists the environment variables of attributes.
func variables(attributes ...string) string {
	var names []string
	for _, a := range attributes {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.name == a })
		names = append(names, strings.Join(settings[i].env, " or "))
	}
	return strings.Join(names, ", ")
}

// invalid is the diagnostic for a value that cannot be used, from the provider
// block or from the environment.
func (c *config) invalid(attribute string, err error) diag.Diagnostic {
	name, subject := attribute, "The value of "+attribute
	if variable := c.sources[attribute]; variable != "" {
		name, subject = variable, variable
	}
	return diag.NewAttributeErrorDiagnostic(path.Root(attribute), invalidError+name, subject+" "+err.Error()+".")
}

func (c *config) duration(name, byDefault string) time.Duration {
	text, ok := c.values[name]
	if !ok {
		text = byDefault
	}
	d, _ := time.ParseDuration(text) // checked before
	return d
}

func (c *config) maxRetries(v types.Int64, env func([]string) (string, string)) int {
	if !v.IsNull() {
		return int(v.ValueInt64())
	}
	variable, text := env(maxRetriesEnv)
	if text == "" {
		return defaultMaxRetries
	}
	n, err := strconv.Atoi(text)
	if err == nil {
		err = inRange(int64(n), 0, maxMaxRetries)
	} else {
		err = errors.New("must be a whole number")
	}
	if err != nil {
		c.sources["max_retries"] = variable
		c.diagnostics.Append(c.invalid("max_retries", err))
	}
	return n
}

func (c *config) insecure(v types.Bool, env func([]string) (string, string)) bool {
	insecure, variable := v.ValueBool(), ""
	if v.IsNull() {
		var text string
		if variable, text = env(insecureEnv); text != "" {
			var err error
			if insecure, err = strconv.ParseBool(text); err != nil {
				c.sources["insecure"] = variable
				c.diagnostics.Append(c.invalid("insecure", errors.New("must be true or false")))
			}
		}
	}
	if insecure {
		c.diagnostics.AddAttributeWarning(path.Root("insecure"), insecureWarning,
			"Anyone between this machine and the service can read the credentials and the messages. "+
				"To trust a private certificate authority, set ca_cert_file instead.")
	}
	return insecure
}

// caCert reads the certificates to trust. A file without a certificate is
// refused: the system's certificates would be trusted instead.
func (c *config) caCert() []byte {
	name, ok := c.values["ca_cert_file"]
	if !ok {
		return nil
	}
	const limit = 4 << 20
	file, err := os.Open(name) //nolint:gosec // the user names it
	if err == nil {
		defer func() { _ = file.Close() }()
		var pem []byte
		if pem, err = io.ReadAll(io.LimitReader(file, limit)); err == nil {
			if x509.NewCertPool().AppendCertsFromPEM(pem) {
				return pem
			}
			err = errors.New("it contains no PEM certificate")
		}
	}
	c.diagnostics.Append(c.invalid("ca_cert_file", fmt.Errorf("names a file that cannot be used: %w", err)))
	return nil
}
