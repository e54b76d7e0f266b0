package provider

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
)

// The objects about credentials.
const (
	assumeAgency = "assume_agency"
	withOIDC     = "assume_agency_with_oidc"
)

// mode is a way of authentication, with the settings that it uses.
type mode struct {
	name     credentials.Mode
	selects  []string // any of them selects the mode
	requires []string // all of them are needed
	uses     []string // further ones
	signs    bool     // with its key an agency can be assumed
	make     func(*config) credentials.Source
}

// settings are all that the mode uses.
func (m mode) settings() []string { return slices.Concat(m.selects, m.requires, m.uses) }

// modes are in the order in which the environment is searched for them: what says how to
// authenticate comes before what the platform sets for every program.
var modes = []mode{
	{name: credentials.ModeProfile, selects: []string{"shared_config_file", "profile"}, uses: []string{"domain_id"}, signs: true, make: makeProfile},
	{
		name:    credentials.ModeOIDC,
		selects: []string{withOIDC, withOIDC + ".provider_urn", withOIDC + ".agency_urn", withOIDC + ".idp_id"},
		uses: []string{
			withOIDC + ".id_token", withOIDC + ".id_token_file", withOIDC + ".audience", withOIDC + ".session_name", withOIDC + ".duration",
			githubURL, githubBearer, hcpIdentity, "sts_endpoint", "auth_url", "domain_name", "domain_id",
		},
		signs: true, make: makeOIDC,
	},
	{name: credentials.ModeToken, selects: []string{"token"}, requires: []string{"token"}, make: makeToken},
	{
		name: credentials.ModeAccessKey, selects: []string{"access_key", "secret_key"}, requires: []string{"access_key", "secret_key"},
		uses: []string{"security_token", "domain_id"}, signs: true, make: makeAccessKey,
	},
	{
		name: credentials.ModePassword, selects: []string{"user_name", "password"},
		requires: []string{"user_name", "password", "domain_name", "auth_url"}, make: makePassword,
	},
	{name: credentials.ModeECS, selects: []string{"ecs_agency"}, uses: []string{"domain_id", "auth_url", metadataURL}, signs: true, make: makeECS},
	{
		name: credentials.ModePod, selects: []string{podURL}, requires: []string{podAuthorization},
		uses: []string{"domain_id"}, signs: true, make: makePod,
	},
}

// onTop is the agency that is assumed with the key of a mode.
var onTop = mode{
	name:    credentials.ModeAgency,
	selects: []string{assumeAgency, assumeAgency + ".agency_name", assumeAgency + ".agency_urn"},
	uses: []string{
		assumeAgency + ".domain_name", assumeAgency + ".domain_id", assumeAgency + ".session_name", assumeAgency + ".duration",
		"auth_url", "sts_endpoint",
	},
}

// selected returns the setting that selects a mode, if one does: in the provider block
// alone, or anywhere.
func (c *config) selected(m mode, inBlock bool) string {
	for _, name := range m.selects {
		off := name == "ecs_agency" && !c.values[name].unknown && !c.isTrue(name)
		if c.isSet(name) && !off && (!inBlock || c.inBlock(name)) {
			return name
		}
	}
	return ""
}

// checkModes refuses a provider block with two modes, or with an agency that its mode
// cannot assume.
func checkModes(b block) diag.Diagnostics {
	var diags diag.Diagnostics
	c := resolve(b, func([]string) (string, string) { return "", "" })
	maps.DeleteFunc(c.values, func(_ string, v settingValue) bool { return v.unknown }) // it may turn out to be null
	conflict := func(name, text string) {
		diags.AddAttributeError(path.Root(name), conflictingCredentialsError, text)
	}
	first, firstName := mode{}, ""
	for _, m := range modes {
		name := c.selected(m, true)
		switch {
		case name == "":
		case firstName == "":
			first, firstName = m, name
		default:
			conflict(name, fmt.Sprintf("The provider block configures two authentication methods: %s (%s) and %s (%s). Remove one of them.",
				first.name, firstName, m.name, name))
		}
	}
	if c.selected(onTop, true) != "" && firstName != "" && !first.signs {
		conflict(assumeAgency, fmt.Sprintf("An agency is assumed with an access key, but the provider block configures another authentication method: %s (%s).", first.name, firstName))
	}
	for _, two := range exclusive {
		if c.isSet(two[0]) && c.isSet(two[1]) {
			conflict(objectOf(two[0]), fmt.Sprintf("%s and %s exclude each other. Remove one of them.", two[0], two[1]))
		}
	}
	if c.isSet(assumeAgency+".agency_urn") && c.seconds(assumeAgency+".duration") > maxSTSDuration {
		conflict(assumeAgency, "STS issues keys for at most 43200 seconds: set a shorter duration, or agency_name instead of agency_urn.")
	}
	return diags
}

// maxSTSDuration is the longest life of a key of STS. IAM's live up to a day.
const maxSTSDuration = 12 * time.Hour

// credentials chooses the mode: that of the provider block, else one that a variable of this
// provider alone selects, else the first for which the environment has a value. What the
// other modes use of the environment may have any value.
func (c *config) credentials(env func([]string) (string, string)) {
	inBlock := slices.IndexFunc(modes, func(m mode) bool { return c.selected(m, true) != "" })
	// An agency that only the environment names belongs to a key that is there, too.
	agency := c.selected(onTop, inBlock >= 0) != ""
	own := slices.IndexFunc(modes, func(m mode) bool { return strings.HasPrefix(c.values[c.selected(m, false)].source, "SERVICEREQUEST_") })
	chosen := inBlock
	switch fromBlock := c.selected(onTop, true) != ""; {
	case chosen >= 0:
	case own >= 0 && (modes[own].signs || !fromBlock):
		chosen, agency = own, agency && modes[own].signs
	default:
		chosen = slices.IndexFunc(modes, func(m mode) bool { return c.selected(m, false) != "" && (m.signs || !agency) })
	}
	var used []string
	if chosen >= 0 {
		used = modes[chosen].settings()
	}
	if agency {
		used = append(used, onTop.settings()...)
	}
	for _, m := range append(slices.Clone(modes), onTop) {
		for _, name := range m.settings() {
			if v := c.values[name]; !slices.Contains(used, name) && (v.unknown || v.source != "") {
				delete(c.values, name)
			}
		}
	}
	if chosen < 0 {
		text := "credentials: `token`" + variables("token") + ", or `access_key` and `secret_key`" + variables("access_key", "secret_key") +
			", or another method of the guide \"Credentials and secrets\""
		if agency {
			text = "`access_key` and `secret_key`" + variables("access_key", "secret_key") +
				": with a token or a password, no agency is assumed. Unset assume_agency" + variables(assumeAgency+".agency_name") + ", or use an access key"
		}
		if name, _ := env([]string{"HUAWEI_ACCESS_KEY"}); name != "" {
			text += ". HUAWEI_ACCESS_KEY is set, but it is not read: the name is HW_ACCESS_KEY"
		}
		c.missing = append(c.missing, text)
		return
	}
	if c.require(modes[chosen].requires...) {
		c.client.Credentials = modes[chosen].make(c)
	}
	if agency {
		c.client.Credentials = makeAgency(c, c.client.Credentials)
	}
}

// pair are the settings of an access key, whose variables are those of one family each: HW_,
// HUAWEICLOUD_SDK_ or OS_.
var pair = []string{"access_key", "secret_key", "security_token"}

// pairFamily is the first family that has an access key or a secret key. A mixture of two
// families is no pair.
func pairFamily(env func([]string) (string, string)) int {
	accessKeys, secretKeys := settingNamed("access_key").env, settingNamed("secret_key").env
	for i := range accessKeys {
		if name, _ := env([]string{accessKeys[i], secretKeys[i]}); name != "" {
			return i
		}
	}
	return 0
}

func makeToken(c *config) credentials.Source { return credentials.Token(c.text("token")) }

func makeAccessKey(c *config) credentials.Source {
	return credentials.AccessKey{
		AccessKey: c.text("access_key"), SecretKey: c.text("secret_key"),
		SecurityToken: c.text("security_token"), DomainID: c.text("domain_id"),
	}
}

func makePassword(c *config) credentials.Source {
	return credentials.Password{
		IAM: c.url("auth_url"), UserName: c.text("user_name"), Password: c.text("password"), DomainName: c.text("domain_name"),
	}
}

func makeProfile(c *config) credentials.Source {
	file := cmp.Or(c.text("shared_config_file"), "~/.hcloud/config.json")
	if below, ok := strings.CutPrefix(file, "~/"); ok {
		home, _ := os.UserHomeDir() // without one, the file is not found
		file = filepath.Join(home, below)
	}
	return credentials.Profile{File: file, Name: c.text("profile"), DomainID: c.ownDomainID()}
}

func makeECS(c *config) credentials.Source {
	return credentials.ECS{DomainID: c.text("domain_id"), IAM: c.url("auth_url"), Metadata: c.plainURL(metadataURL)}
}

func makePod(c *config) credentials.Source {
	return credentials.Pod{URL: c.plainURL(podURL), TokenFile: c.text(podAuthorization), DomainID: c.ownDomainID()}
}

// ownDomainID is the account ID of the provider block. That of the environment may be of
// another account than the keys, which say theirs.
func (c *config) ownDomainID() string {
	c.drop("domain_id")
	return c.text("domain_id")
}

func makeOIDC(c *config) credentials.Source {
	if c.values[withOIDC].unknown || c.values[withOIDC+".idp_id"].unknown { // so it is unknown what else it needs
		return nil
	}
	idToken, ok := c.idToken()
	if !ok {
		return nil
	}
	provider, agency := withOIDC+".provider_urn", withOIDC+".agency_urn"
	if idp := c.text(withOIDC + ".idp_id"); idp != "" && c.text(provider) == "" {
		located := c.require("auth_url")
		domain, ok := c.domain("")
		if !located || !ok {
			return nil
		}
		return credentials.IAMOIDC{IAM: c.url("auth_url"), ProviderID: idp, IDToken: idToken, Domain: domain}
	}
	if !c.require(provider, agency, "sts_endpoint") {
		return nil
	}
	if credentials.Account(c.text(provider)) != credentials.Account(c.text(agency)) {
		c.refuse(agency, errors.New("is of another account than "+provider))
	}
	return credentials.OIDC{
		STS: c.url("sts_endpoint"), ProviderURN: c.text(provider), AgencyURN: c.text(agency),
		SessionName: c.sessionName(withOIDC), Duration: c.seconds(withOIDC + ".duration"), IDToken: idToken,
	}
}

// idToken is the first ID token that is set. What a platform sets for every job comes last.
func (c *config) idToken() (idToken credentials.IDToken, ok bool) {
	names := []string{withOIDC + ".id_token", withOIDC + ".id_token_file", githubURL, hcpIdentity}
	chosen := slices.IndexFunc(names, c.isSet)
	c.drop(names[chosen+1:]...)
	switch chosen {
	case 0, 3:
		return credentials.IDToken{Value: c.text(names[chosen])}, true
	case 1:
		return credentials.IDToken{File: c.text(names[chosen])}, true
	case 2:
		ok := c.require(githubBearer, withOIDC+".audience")
		return credentials.IDToken{RequestURL: c.plainURL(githubURL), RequestToken: c.text(githubBearer), Audience: c.text(withOIDC + ".audience")}, ok
	}
	c.missing = append(c.missing, "an ID token: `"+names[0]+"`"+variables(names[0])+", or `"+names[1]+"`"+variables(names[1])+
		", or on GitHub Actions the permission `id-token: write`")
	return credentials.IDToken{}, false
}

func makeAgency(c *config, base credentials.Source) credentials.Source {
	if c.values[assumeAgency].unknown || c.values[assumeAgency+".agency_urn"].unknown {
		return nil
	}
	a := credentials.Agency{Base: base, Duration: c.seconds(assumeAgency + ".duration")}
	if _, ok := base.(credentials.IAMOIDC); ok {
		c.missing = append(c.missing, "`"+withOIDC+".provider_urn`: IAM issues a token for an ID token, not an access key, so no agency can be assumed with it")
		return nil
	}
	if c.isSet(assumeAgency + ".agency_urn") {
		if base == nil || !c.require("sts_endpoint") {
			return nil
		}
		a.URN, a.STS, a.SessionName = c.text(assumeAgency+".agency_urn"), c.url("sts_endpoint"), c.sessionName(assumeAgency)
		return a
	}
	named := c.require(assumeAgency+".agency_name", "auth_url")
	domain, ok := c.domain(assumeAgency + ".")
	if !named || !ok || base == nil {
		return nil
	}
	a.IAM, a.Name, a.Domain = c.url("auth_url"), c.text(assumeAgency+".agency_name"), domain
	return a
}

// domain is the account that an object of the block, or the block itself, names: by its ID,
// else by its name.
func (c *config) domain(object string) (domain credentials.Domain, ok bool) {
	id, name := object+"domain_id", object+"domain_name"
	switch {
	case c.isSet(id) && (c.inBlock(id) || !c.inBlock(name)): // the environment's may be another account's
		return credentials.Domain{ID: c.text(id)}, c.require(id)
	case c.isSet(name):
		return credentials.Domain{Name: c.text(name)}, c.require(name)
	}
	c.missing = append(c.missing, "`"+id+"`"+variables(id)+" or `"+name+"`"+variables(name))
	return credentials.Domain{}, false
}

func (c *config) sessionName(object string) string {
	return cmp.Or(c.text(object+".session_name"), defaultSessionName)
}
