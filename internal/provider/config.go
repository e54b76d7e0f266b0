package provider

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/servicerequest"
)

// Defaults of the provider block.
const (
	defaultRequestTimeout = "30s"
	defaultMaxRetries     = "5"
	defaultSessionName    = "terraform-provider-servicerequest"
)

// setting is an attribute of the provider block; "outer.inner" is one of an object. The
// first of its environment variables that is not empty is used where the block does not
// set it. A name in parentheses is no attribute: only the environment has it.
type setting struct {
	name        string
	env         []string
	kind        kind
	sensitive   bool
	check       check
	description string
}

// kind is the type of an attribute. An environment variable is always a text.
type kind int

const (
	text kind = iota
	number
	boolean
	nested
)

// The settings without an attribute.
const (
	githubURL        = "(GitHub URL)"
	githubBearer     = "(GitHub bearer)" //nolint:gosec // a name, not a secret
	hcpIdentity      = "(HCP Terraform token)"
	podURL           = "(pod URL)"
	podAuthorization = "(pod token file)"
	metadataURL      = "(metadata URL)"
	httpsProxy       = "(proxy)"
)

func (s setting) isAttribute() bool { return s.name[0] != '(' }

// objectOf is the object that has a setting; "" is the provider block itself.
func objectOf(name string) string { return name[:max(strings.IndexByte(name, '.'), 0)] }

// Checks of settings.
func header(limit int) check     { return all(optional(limit), clean) } // a line break would add another header
func credential(limit int) check { return all(optional(limit), clean, visibleASCII) }

var pathCheck = all(optional(4096), noControl, trimmed, noDecoration)

var settings = []setting{
	{name: "endpoint", env: []string{"SERVICEREQUEST_ENDPOINT"}, check: endpoint,
		description: "Base URL of the service: " +
			"`https://osm.cn-south-1.myhuaweicloud.com` (China), `https://osm.ap-southeast-3.myhuaweicloud.com` (International) " +
			"or `https://osm.eu-west-101.myhuaweicloud.eu` (Europe). Must use `https`; `http` is accepted for loopback hosts only. It may have a path."},
	{name: "token", env: []string{"SERVICEREQUEST_TOKEN", "HW_AUTH_TOKEN", "OS_AUTH_TOKEN"}, sensitive: true, check: credential(5000),
		description: "IAM user token, sent as `X-Auth-Token`. 1 to 5000 characters. A token is valid for 24 hours."},
	{name: "access_key", env: []string{"HW_ACCESS_KEY", "HUAWEICLOUD_SDK_AK", "OS_ACCESS_KEY"}, sensitive: true, check: credential(128),
		description: "Access key (AK). Requests are signed with it and `secret_key`. Huawei Cloud recommends access keys over tokens."},
	{name: "secret_key", env: []string{"HW_SECRET_KEY", "HUAWEICLOUD_SDK_SK", "OS_SECRET_KEY"}, sensitive: true, check: credential(128),
		description: "Secret key (SK) of `access_key`. It is never sent."},
	{name: "security_token", env: []string{"HW_SECURITY_TOKEN", "HUAWEICLOUD_SDK_SECURITY_TOKEN"}, sensitive: true, check: credential(10000),
		description: "Security token of a temporary `access_key`. It must come from where the pair comes from: the provider block, or the same family of variables."},
	{name: "domain_id", env: []string{"HW_DOMAIN_ID", "HUAWEICLOUD_SDK_DOMAIN_ID", "OS_DOMAIN_ID"}, check: header(64),
		description: "Account ID, sent as `X-Domain-Id` in signed requests."},
	{name: "user_name", env: []string{"HW_USER_NAME", "OS_USERNAME"}, check: header(255),
		description: "IAM user name. With `password`, `domain_name` and `auth_url`, the provider gets a token from IAM."},
	{name: "password", env: []string{"HW_USER_PASSWORD", "OS_PASSWORD"}, sensitive: true, check: all(optional(1024), noControl, trimmed, noInvisible),
		description: "Password of the IAM user."},
	{name: "domain_name", env: []string{"HW_DOMAIN_NAME", "OS_DOMAIN_NAME"}, check: header(255),
		description: "Name of the account (domain) to which the IAM user belongs."},
	{name: "auth_url", env: []string{"HW_AUTH_URL", "OS_AUTH_URL"}, check: baseURL,
		description: "Base URL of IAM, with or without `/v3`, such as `https://iam.eu-west-101.myhuaweicloud.eu`. Must use `https`, like `endpoint`."},
	{name: "sts_endpoint", env: []string{"HUAWEICLOUD_SDK_STS_ENDPOINT"}, check: baseURL,
		description: "Base URL of STS, such as `https://sts.ap-southeast-3.myhuaweicloud.com`. Must use `https`, like `endpoint`."},
	{name: "shared_config_file", env: []string{"HW_SHARED_CONFIG_FILE"}, check: pathCheck,
		description: "Path of KooCLI's configuration file, whose access key is used. Default `~/.hcloud/config.json` if `profile` is set."},
	{name: "profile", env: []string{"HW_PROFILE"}, check: header(255),
		description: "Profile in `shared_config_file`, of the mode `AKSK` or `SSO`. Default: the file's current profile."},
	{name: "ecs_agency", env: []string{"SERVICEREQUEST_ECS_AGENCY"}, kind: boolean, check: isBool,
		description: "Use the keys that the metadata of this ECS server has for its agency. For tests, `SERVICEREQUEST_METADATA_ENDPOINT` replaces `http://169.254.169.254`. The account is `domain_id`, or the one that IAM names at `auth_url`. Default `false`."},
	{name: assumeAgency, kind: nested, check: all(),
		description: "Assume an agency with the access key that the rest of the configuration gives: a pair, OIDC, a profile, a pod's or a server's. The provider renews the keys."},
	{name: "assume_agency.agency_name", env: []string{"HW_ASSUME_ROLE_AGENCY_NAME"}, check: header(64),
		description: "Name of the agency to assume through IAM. Requires `auth_url`, and `domain_name` or `domain_id` of this block."},
	{name: "assume_agency.domain_name", env: []string{"HW_ASSUME_ROLE_DOMAIN_NAME"}, check: header(255),
		description: "Name of the account that has the agency."},
	{name: "assume_agency.domain_id", env: []string{"HW_ASSUME_ROLE_DOMAIN_ID"}, check: header(64),
		description: "ID of the account that has the agency."},
	{name: "assume_agency.agency_urn", check: urn("agency"),
		description: "URN of the agency to assume through STS instead: `iam::ACCOUNT_ID:agency:NAME`. Requires `sts_endpoint`."},
	{name: "assume_agency.session_name", check: all(length(2, 128), clean),
		description: "Name of the session at STS, 2 to 128 characters. Default `" + defaultSessionName + "`."},
	{name: "assume_agency.duration", env: []string{"HW_ASSUME_ROLE_DURATION"}, kind: number, check: wholeNumber(900, 86400),
		description: "How long the keys are valid, in seconds: 900 to 86400 at IAM, to 43200 at STS, and to 3600 at STS if the keys that assume the agency are temporary. The provider renews them. Default: 900 at IAM, 3600 at STS."},
	{name: withOIDC, kind: nested, check: all(),
		description: "Exchange an ID token for temporary keys of an agency, or for a token of IAM, so that no secret is stored. The provider renews them."},
	{name: "assume_agency_with_oidc.provider_urn", env: []string{"HUAWEICLOUD_OIDC_PROVIDER_URN"}, check: urn("oidcProvider"),
		description: "URN of the identity provider, for STS at `sts_endpoint`: `iam::ACCOUNT_ID:oidcProvider:NAME`."},
	{name: "assume_agency_with_oidc.agency_urn", env: []string{"HUAWEICLOUD_OIDC_AGENCY_URN"}, check: urn("agency"),
		description: "URN of the agency that trusts the provider, for STS: `iam::ACCOUNT_ID:agency:NAME`."},
	{name: "assume_agency_with_oidc.idp_id", env: []string{"HW_ASSUME_ROLE_IDP_ID"}, check: header(64),
		description: "Name of the identity provider in IAM, for a site without STS, instead of the two URNs. It needs `auth_url`, and `domain_name` or `domain_id`, of the provider block."},
	{name: "assume_agency_with_oidc.id_token", env: []string{"HUAWEICLOUD_OIDC_ID_TOKEN", "HW_ASSUME_ROLE_ID_TOKEN"}, sensitive: true, check: idToken,
		description: "ID token of the job or workload."},
	{name: "assume_agency_with_oidc.id_token_file", env: []string{"HUAWEICLOUD_OIDC_TOKEN_FILE", "HW_ASSUME_ROLE_ID_TOKEN_FILE"}, check: idTokenFile,
		description: "Path of a file with the ID token, which is read at each renewal."},
	{name: "assume_agency_with_oidc.audience", env: []string{"SERVICEREQUEST_OIDC_AUDIENCE"}, check: header(255),
		description: "Audience of the ID token that the provider gets from GitHub Actions. Without `id_token` and `id_token_file` it does so if the job has the permission `id-token: write`. Else it takes HCP Terraform's `TFC_WORKLOAD_IDENTITY_TOKEN_SERVICEREQUEST`, then `TFC_WORKLOAD_IDENTITY_TOKEN`."},
	{name: "assume_agency_with_oidc.session_name", env: []string{"HUAWEICLOUD_OIDC_SESSION_NAME"}, check: all(length(2, 128), clean),
		description: "Name of the session at STS, 2 to 128 characters. Default `" + defaultSessionName + "`."},
	{name: "assume_agency_with_oidc.duration", env: []string{"HUAWEICLOUD_OIDC_DURATION_SECONDS"}, kind: number, check: wholeNumber(900, 43200),
		description: "How long the keys are valid, in seconds: 900 to 43200. The provider renews them. Default: 3600."},
	{name: "language", env: []string{"SERVICEREQUEST_LANGUAGE"}, check: header(32),
		description: "Language, sent as `X-Language`, such as `en-us`. 1 to 32 characters. If unset, nothing is sent, and the service uses `zh-cn`."},
	{name: "time_zone", env: []string{"SERVICEREQUEST_TIME_ZONE"}, check: header(32),
		description: "Time zone, sent as `X-Time-Zone`, such as `GMT+1`. 1 to 32 characters. If unset, nothing is sent, and the service uses `GMT+8`."},
	{name: "site", env: []string{"SERVICEREQUEST_SITE"}, check: oneOf("china", "international"),
		description: "Site, sent as `X-Site`: `china` or `international`. Set it only if the service requires it. If unset, nothing is sent."},
	{name: "request_timeout", env: []string{"SERVICEREQUEST_REQUEST_TIMEOUT"}, check: duration(time.Millisecond, time.Hour),
		description: "Time limit for one HTTP request, as a duration from `1ms` to `1h`. Default `" + defaultRequestTimeout + "`."},
	{name: "ca_cert_file", env: []string{"SERVICEREQUEST_CA_CERT_FILE"}, check: pathCheck,
		description: "Path of a PEM file with CA certificates. They replace the system's certificates."},
	{name: "max_retries", env: []string{"SERVICEREQUEST_MAX_RETRIES", "HW_MAX_RETRIES"}, kind: number, check: wholeNumber(0, maxMaxRetries),
		description: fmt.Sprintf("Maximum number of retries for each message, 0 to %d. Default %s. ", maxMaxRetries, defaultMaxRetries) +
			"A message is retried only if the service is known not to have processed it, or if a check does not find it on the ticket. " +
			"Other calls are retried up to 3 times regardless of this setting. " +
			"HTTP 429 does not count: the provider waits until the service lets the call through or the time limit of the message is over, 5 minutes for other calls."},
	{name: "insecure", env: []string{"SERVICEREQUEST_INSECURE", "HW_INSECURE"}, kind: boolean, check: isBool,
		description: "Accept any server certificate. Default `false`. For tests only: anyone between this machine and the service, or an issuer of credentials, can read the credentials and the messages."},
	// What the platform itself sets has no attribute.
	{name: githubURL, env: []string{"ACTIONS_ID_TOKEN_REQUEST_URL"}, check: requestURL},
	{name: githubBearer, env: []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN"}, sensitive: true, check: noControl},
	{name: hcpIdentity, env: []string{"TFC_WORKLOAD_IDENTITY_TOKEN_SERVICEREQUEST", "TFC_WORKLOAD_IDENTITY_TOKEN"}, sensitive: true, check: idToken},
	{name: podURL, env: []string{"HC_CONTAINER_CREDENTIALS_FULL_URI"}, check: localURL},
	{name: httpsProxy, env: []string{"HTTPS_PROXY", "https_proxy"}, sensitive: true, check: proxyURL},
	{name: metadataURL, env: []string{"SERVICEREQUEST_METADATA_ENDPOINT"}, check: localURL},
	{name: podAuthorization, env: []string{"HC_CONTAINER_AUTHORIZATION_TOKEN_FILE"}, check: pathCheck},
}

// attributesIn are the attributes of an object of the provider block, or with "" those of
// the block itself.
func attributesIn(object string) map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for _, s := range settings {
		if s.isAttribute() && objectOf(s.name) == object {
			attributes[strings.TrimPrefix(s.name, object+".")] = s.attribute()
		}
	}
	return attributes
}

func (s setting) attribute() schema.Attribute {
	description := s.description
	if len(s.env) > 0 {
		noun := "variable"
		if len(s.env) > 1 {
			noun = "variables"
		}
		description += " Environment " + noun + ": `" + strings.Join(s.env, "`, then `") + "`."
	}
	switch s.kind {
	case number: // not Int64: the framework calls 1.5 an error in the provider
		return schema.NumberAttribute{Optional: true, Validators: []validator.Number{s.check}, MarkdownDescription: description}
	case boolean:
		return schema.BoolAttribute{Optional: true, MarkdownDescription: description}
	case nested:
		return schema.SingleNestedAttribute{Optional: true, Attributes: attributesIn(s.name), MarkdownDescription: description}
	}
	return schema.StringAttribute{
		Optional: true, Sensitive: s.sensitive, Validators: []validator.String{s.check}, MarkdownDescription: description,
	}
}

// settingValue is the value of a setting.
type settingValue struct {
	text    string // empty if unknown
	source  string // the variable that it is from; "" is the provider block
	unknown bool
	err     error // why it cannot be used
}

// block is a provider block: its values by the names of settings. An object that is there
// has a value, too.
type block map[string]settingValue

// blockOf reads a provider block, or with its name a value in it.
func blockOf(name string, v tftypes.Value) block {
	b := block{}
	var (
		text  string
		on    bool
		n     big.Float
		inner map[string]tftypes.Value
	)
	switch {
	case v.IsNull():
	case !v.IsKnown():
		b[name] = settingValue{unknown: true}
	case v.As(&text) == nil:
		b[name] = settingValue{text: text}
	case v.As(&on) == nil:
		b[name] = settingValue{text: strconv.FormatBool(on)}
	case v.As(&n) == nil:
		b[name] = settingValue{text: n.Text('f', -1)}
	case v.As(&inner) == nil:
		b[name] = settingValue{text: "set"}
		for n, v := range inner {
			maps.Copy(b, blockOf(strings.TrimPrefix(name+"."+n, "."), v))
		}
	}
	return b
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
	values  map[string]settingValue // by setting; only what is set, or unknown
	client  servicerequest.Config
	retries int // max_retries
	secrets []string
	// missing are the settings that an API call needs and that are not set, and invalid
	// those that cannot be used. Each is a line of text. They matter only to an API call: a
	// plan without one succeeds.
	missing, invalid []string
	diagnostics      diag.Diagnostics
}

// resolve finds the values of all settings.
func resolve(b block, env func(names []string) (name, value string)) config {
	c := config{values: map[string]settingValue{}}
	family := pairFamily(env)
	for _, s := range settings {
		names := s.env
		if slices.Contains(pair, s.name) {
			names = names[min(family, len(names)):min(family+1, len(names))]
		}
		v, inBlock := b[s.name]
		if !inBlock && !b[objectOf(s.name)].unknown { // what is in an unknown object is not known either
			v.source, v.text = env(names)
		}
		switch {
		case v.text != "":
			v.err = s.check(v.text)
			if s.sensitive {
				c.secrets = append(c.secrets, v.text)
			}
		case !v.unknown:
			continue // an empty value in the provider block was refused by its validator
		}
		c.values[s.name] = v
	}
	return c
}

// readConfig resolves the provider block. Its only inputs are its arguments,
// and the file that ca_cert_file names.
func readConfig(b block, env func(names []string) (name, value string)) config {
	c := resolve(b, env)
	c.dropAlternatives()
	c.credentials(env)
	if c.require("endpoint") {
		c.client.Endpoint = c.url("endpoint")
	}
	c.client.Language, c.client.TimeZone = c.text("language"), c.text("time_zone")
	c.client.Site = map[string]string{"china": "0", "international": "1"}[c.text("site")]
	c.client.RequestTimeout, _ = time.ParseDuration(cmp.Or(c.text("request_timeout"), defaultRequestTimeout))
	c.retries = c.maxRetries()
	if c.client.Insecure = c.isTrue("insecure"); c.client.Insecure {
		c.diagnostics.AddAttributeWarning(path.Root("insecure"), insecureWarning,
			"Anyone between this machine and the service, or an issuer of credentials, can read the credentials and the messages. "+
				"To trust a private certificate authority, set ca_cert_file instead.")
	}
	if v := c.values["ca_cert_file"]; v.text != "" && v.err == nil {
		var err error
		if c.client.RootCAs, err = readRootCAs(v.text); err != nil {
			c.refuse("ca_cert_file", fmt.Errorf("names a file that cannot be used: %w", err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		switch v := c.values[name]; {
		case v.unknown:
			// Even an optional one counts as missing. Otherwise a call would use the
			// default, or be signed without the security token.
			c.missing = append(c.missing, "`"+name+"`, whose value is not known yet: apply the resources that it depends on first")
		case v.err != nil:
			c.invalid = append(c.invalid, cmp.Or(v.source, name)+" "+v.err.Error())
		}
	}
	return c
}

// exclusive are the settings of which the provider block may have one.
var exclusive = [][2]string{
	{withOIDC + ".idp_id", withOIDC + ".provider_urn"},
	{withOIDC + ".idp_id", withOIDC + ".agency_urn"},
	{withOIDC + ".id_token", withOIDC + ".id_token_file"},
	{assumeAgency + ".agency_urn", assumeAgency + ".agency_name"},
}

// dropAlternatives drops a value of the environment if the provider block sets the
// alternative to it, or a key to which it does not belong.
func (c *config) dropAlternatives() {
	for _, two := range append(slices.Clone(exclusive), [2]string{assumeAgency + ".domain_id", assumeAgency + ".domain_name"}) {
		for i, name := range two {
			if c.inBlock(name) {
				c.drop(two[1-i])
			}
		}
	}
	// A security token does not belong to a pair in the provider block, nor to half of one.
	if c.values["access_key"].source == "" || c.values["secret_key"].source == "" {
		c.drop("security_token")
	}
}

// drop forgets values of the environment. They may be anything.
func (c *config) drop(names ...string) {
	for _, name := range names {
		if c.values[name].source != "" {
			delete(c.values, name)
		}
	}
}

// text is the value of a setting; empty if it is not set, or not known.
func (c *config) text(name string) string { return c.values[name].text }

// isTrue is the value of a setting that was checked before.
func (c *config) isTrue(name string) bool {
	on, _ := strconv.ParseBool(c.text(name))
	return on
}

// isSet reports whether a setting has a value that is known or not.
func (c *config) isSet(name string) bool { _, ok := c.values[name]; return ok }

// inBlock reports whether the provider block sets a setting, to a value that is known or not.
func (c *config) inBlock(name string) bool { return c.isSet(name) && c.values[name].source == "" }

// refuse records why the value of a setting cannot be used.
func (c *config) refuse(name string, err error) {
	v := c.values[name]
	v.err = err
	c.values[name] = v
}

// require records which of the names are missing, and reports whether all can be used.
func (c *config) require(names ...string) bool {
	complete := true
	for _, name := range names {
		if !c.isSet(name) {
			c.missing = append(c.missing, "`"+name+"`"+variables(name))
		}
		complete = complete && c.text(name) != "" && c.values[name].err == nil
	}
	return complete
}

// settingNamed is the setting of a name that exists.
func settingNamed(name string) setting {
	return settings[slices.IndexFunc(settings, func(s setting) bool { return s.name == name })]
}

// variables lists the environment variables of settings, in parentheses after a space.
// It leaves out the aliases that other tools have for one that begins with HW_.
func variables(names ...string) string {
	var all []string
	for _, name := range names {
		env := settingNamed(name).env
		if i := slices.IndexFunc(env, func(name string) bool { return strings.HasPrefix(name, "HW_") }); i >= 0 {
			env = env[:i+1]
		}
		all = append(all, strings.Join(env, " or "))
	}
	return " (" + strings.Join(all, ", ") + ")"
}

// url returns a URL that was checked before; nil is none.
func (c *config) url(name string) *url.URL {
	u, _ := servicerequest.ParseEndpoint(c.text(name))
	return u
}

// plainURL is url for one that may have a query.
func (c *config) plainURL(name string) *url.URL {
	if !c.isSet(name) {
		return nil
	}
	u, _ := url.Parse(c.text(name))
	return u
}

// seconds returns a duration that was checked before; 0 is none.
func (c *config) seconds(name string) time.Duration {
	n, _ := strconv.Atoi(c.text(name))
	return time.Duration(n) * time.Second
}

// maxRetries takes a large HW_MAX_RETRIES, which other providers share, for the maximum.
func (c *config) maxRetries() int {
	n, err := strconv.Atoi(cmp.Or(c.text("max_retries"), defaultMaxRetries))
	if err == nil && n > maxMaxRetries && c.values["max_retries"].source == "HW_MAX_RETRIES" {
		delete(c.values, "max_retries") // with the error
	}
	return min(n, maxMaxRetries)
}

// readRootCAs reads the certificates to trust. A file without a certificate is refused:
// nobody would be trusted.
func readRootCAs(name string) (*x509.CertPool, error) {
	file, _, err := openFile(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	pem, err := io.ReadAll(io.LimitReader(file, 4<<20))
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(pem) {
		err = errors.New("it contains no PEM certificate")
	}
	return pool, err
}
