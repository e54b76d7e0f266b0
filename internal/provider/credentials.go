package provider

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
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
	name    credentials.Mode
	selects []string // any of them selects the mode
	uses    []string // further ones
	signs   bool     // with its key an agency can be assumed
	make    func(*config) credentials.Source
}

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
	{name: credentials.ModeToken, selects: []string{"token"}, make: makeToken},
	{name: credentials.ModeAccessKey, selects: []string{"access_key", "secret_key"}, uses: []string{"security_token", "domain_id"}, signs: true, make: makeAccessKey},
	{name: credentials.ModePassword, selects: []string{"user_name", "password"}, uses: []string{"domain_name", "auth_url"}, make: makePassword},
	{name: credentials.ModeECS, selects: []string{"ecs_agency"}, uses: []string{"domain_id", "auth_url", metadataURL}, signs: true, make: makeECS},
	{name: credentials.ModePod, selects: []string{podURL}, uses: []string{podAuthorization, "domain_id"}, signs: true, make: makePod},
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
		set := c.has(name) && (name != "ecs_agency" || c.values[name] == "true") || c.unknown[name]
		if set && (!inBlock || c.sources[name] == "") {
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
	clear(c.unknown) // it may turn out to be null
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
	for _, two := range [][2]string{
		{withOIDC + ".idp_id", withOIDC + ".provider_urn"}, {withOIDC + ".idp_id", withOIDC + ".agency_urn"},
		{withOIDC + ".id_token", withOIDC + ".id_token_file"}, {assumeAgency + ".agency_urn", assumeAgency + ".agency_name"},
	} {
		if c.has(two[0]) && c.has(two[1]) {
			conflict(objectOf(two[0]), fmt.Sprintf("%s and %s exclude each other. Remove one of them.", two[0], two[1]))
		}
	}
	if c.has(assumeAgency+".agency_urn") && c.seconds(assumeAgency+".duration") > maxSTSDuration {
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
	own := slices.IndexFunc(modes, func(m mode) bool { return strings.HasPrefix(c.sources[c.selected(m, false)], "SERVICEREQUEST_") })
	chosen := inBlock
	switch fromBlock := c.selected(onTop, true) != ""; {
	case chosen >= 0:
	case own >= 0 && (modes[own].signs || !fromBlock):
		chosen, agency = own, agency && modes[own].signs
	default:
		chosen = slices.IndexFunc(modes, func(m mode) bool { return c.selected(m, false) != "" && (m.signs || !agency) })
	}
	used := map[string]bool{}
	for i, m := range append(slices.Clone(modes), onTop) {
		for _, name := range slices.Concat(m.selects, m.uses) {
			used[name] = used[name] || i == chosen || agency && i == len(modes)
		}
	}
	for name, isUsed := range used {
		if !isUsed {
			delete(c.unknown, name)
			if c.sources[name] != "" {
				delete(c.bad, name)
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
	source := modes[chosen].make(c)
	if agency {
		source = makeAgency(c, source)
	}
	c.client.Credentials = source
}

// pair are the settings of an access key, whose variables are those of one family each: HW_,
// HUAWEICLOUD_SDK_ or OS_.
var pair = []string{"access_key", "secret_key", "security_token"}

// pairFamily is the first family that has an access key or a secret key. A mixture of two
// families is no pair.
func pairFamily(env func([]string) (string, string)) int {
	for i := range 3 {
		for _, s := range settings {
			if slices.Contains(pair[:2], s.name) {
				if name, _ := env(s.env[i : i+1]); name != "" {
					return i
				}
			}
		}
	}
	return 0
}

func makeToken(c *config) credentials.Source {
	if !c.require("token") {
		return nil
	}
	return credentials.Token(c.values["token"])
}

func makeAccessKey(c *config) credentials.Source {
	// A security token from the environment does not belong to a pair in the provider block,
	// nor to half of one.
	if c.sources["security_token"] != "" && (c.sources["access_key"] == "" || c.sources["secret_key"] == "") {
		delete(c.values, "security_token")
		delete(c.bad, "security_token")
	}
	if !c.require("access_key", "secret_key") {
		return nil
	}
	return credentials.AccessKey{
		AccessKey: c.values["access_key"], SecretKey: c.values["secret_key"],
		SecurityToken: c.values["security_token"], DomainID: c.values["domain_id"],
	}
}

func makePassword(c *config) credentials.Source {
	if !c.require("user_name", "password", "domain_name", "auth_url") {
		return nil
	}
	return credentials.Password{
		IAM: c.url("auth_url"), UserName: c.values["user_name"], Password: c.values["password"], DomainName: c.values["domain_name"],
	}
}

func makeProfile(c *config) credentials.Source {
	file := cmp.Or(c.values["shared_config_file"], "~/.hcloud/config.json")
	if below, ok := strings.CutPrefix(file, "~/"); ok {
		home, _ := os.UserHomeDir() // without one, the file is not found
		file = filepath.Join(home, below)
	}
	return credentials.Profile{File: file, Name: c.values["profile"], DomainID: c.inBlock("domain_id")}
}

func makeECS(c *config) credentials.Source {
	e := credentials.ECS{DomainID: c.values["domain_id"]}
	if c.has("auth_url") {
		e.IAM = c.url("auth_url")
	}
	if c.has(metadataURL) {
		e.Metadata = c.plainURL(metadataURL)
	}
	return e
}

func makePod(c *config) credentials.Source {
	if !c.require(podAuthorization) {
		return nil
	}
	return credentials.Pod{URL: c.plainURL(podURL), TokenFile: c.values[podAuthorization], DomainID: c.inBlock("domain_id")}
}

// setInBlock reports whether the provider block sets a setting, to a value that is known or not.
func (c *config) setInBlock(name string) bool {
	return (c.has(name) || c.unknown[name]) && c.sources[name] == ""
}

// inBlock is a value of the provider block. That of the environment may be of another account
// than the keys, which say theirs.
func (c *config) inBlock(name string) string {
	if c.sources[name] != "" {
		return ""
	}
	return c.values[name]
}

func makeOIDC(c *config) credentials.Source {
	if c.unknown[withOIDC] || c.unknown[withOIDC+".idp_id"] { // so it is unknown what else it needs
		return nil
	}
	idToken, ok := c.idToken()
	if !ok {
		return nil
	}
	if c.has(withOIDC+".idp_id") && !c.has(withOIDC+".provider_urn") {
		if !c.require("auth_url") || !c.requireOne("domain_id", "domain_name") {
			return nil
		}
		id, name := c.values["domain_id"], c.values["domain_name"]
		if c.inBlock("domain_name") != "" && c.inBlock("domain_id") == "" {
			id = "" // the environment's may be another account's
		}
		return credentials.IAMOIDC{
			IAM: c.url("auth_url"), ProviderID: c.values[withOIDC+".idp_id"], IDToken: idToken,
			Domain: domain(id, name),
		}
	}
	provider, agency := withOIDC+".provider_urn", withOIDC+".agency_urn"
	if !c.require(provider, agency, "sts_endpoint") {
		return nil
	}
	if credentials.Account(c.values[provider]) != credentials.Account(c.values[agency]) {
		c.bad[agency] = errors.New("is of another account than " + provider)
		return nil
	}
	return credentials.OIDC{
		STS: c.url("sts_endpoint"), ProviderURN: c.values[provider], AgencyURN: c.values[agency],
		SessionName: c.sessionName(withOIDC), Duration: c.seconds(withOIDC + ".duration"), IDToken: idToken,
	}
}

// idToken is the first ID token that is set: in the provider block, then in the
// environment. What a platform sets for every job comes last.
func (c *config) idToken() (idToken credentials.IDToken, ok bool) {
	names := []string{withOIDC + ".id_token", withOIDC + ".id_token_file", githubURL, hcpIdentity}
	chosen := slices.IndexFunc(names, c.setInBlock)
	if chosen < 0 {
		chosen = slices.IndexFunc(names, c.has)
	}
	for i, name := range names {
		if i != chosen && c.sources[name] != "" {
			delete(c.bad, name)
		}
	}
	switch chosen {
	case 0, 3:
		return credentials.IDToken{Value: c.values[names[chosen]]}, true
	case 1:
		return credentials.IDToken{File: c.values[names[chosen]]}, true
	case 2:
		if !c.require(githubBearer, withOIDC+".audience") {
			return credentials.IDToken{}, false
		}
		return credentials.IDToken{RequestURL: c.plainURL(githubURL), RequestToken: c.values[githubBearer], Audience: c.values[withOIDC+".audience"]}, true
	}
	c.missing = append(c.missing, "an ID token: `"+names[0]+"`"+variables(names[0])+", or `"+names[1]+"`"+variables(names[1])+
		", or on GitHub Actions the permission `id-token: write`")
	return credentials.IDToken{}, false
}

func makeAgency(c *config, base credentials.Source) credentials.Source {
	if c.unknown[assumeAgency] || c.unknown[assumeAgency+".agency_urn"] {
		return nil
	}
	a := credentials.Agency{Base: base, Duration: c.seconds(assumeAgency + ".duration")}
	if _, ok := base.(credentials.IAMOIDC); ok {
		c.missing = append(c.missing, "`"+withOIDC+".provider_urn`: IAM issues a token for an ID token, not an access key, so no agency can be assumed with it")
		return nil
	}
	if c.has(assumeAgency + ".agency_urn") {
		if base == nil || !c.require("sts_endpoint") {
			return nil
		}
		a.URN, a.STS, a.SessionName = c.values[assumeAgency+".agency_urn"], c.url("sts_endpoint"), c.sessionName(assumeAgency)
		return a
	}
	if !c.require(assumeAgency+".agency_name", "auth_url") || !c.requireOne(assumeAgency+".domain_id", assumeAgency+".domain_name") || base == nil {
		return nil
	}
	a.IAM, a.Name = c.url("auth_url"), c.values[assumeAgency+".agency_name"]
	a.Domain = domain(c.values[assumeAgency+".domain_id"], c.values[assumeAgency+".domain_name"])
	return a
}

// domain names an account by its ID, else by its name.
func domain(id, name string) credentials.Domain {
	if id != "" {
		name = ""
	}
	return credentials.Domain{ID: id, Name: name}
}

func (c *config) sessionName(object string) string {
	return cmp.Or(c.values[object+".session_name"], defaultSessionName)
}

// plainURL returns a URL that was checked before, and that may have a query.
func (c *config) plainURL(name string) *url.URL {
	u, _ := url.Parse(c.values[name])
	return u
}
