package simulator

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Agency is an IAM agency: an identity whose keys others can get.
type Agency struct {
	Name, DomainID, DomainName string
}

// URN returns the name of the agency for STS.
func (a Agency) URN() string { return "iam::" + a.DomainID + ":agency:" + a.Name }

// ProviderURN returns the name for STS of an identity provider of its account.
func (a Agency) ProviderURN(name string) string {
	return "iam::" + a.DomainID + ":oidcProvider:" + name
}

// OIDCProvider is an identity provider, whose ID tokens are worth keys of the agency or a
// token of IAM.
type OIDCProvider struct {
	Name     string // IAM's own exchange names it in X-Idp-Id
	Audience string // the aud that ID tokens must have
}

var urnForm = regexp.MustCompile(`^iam::([^:]+):(agency|oidcProvider):[^:]+$`)

// urn reads a mandatory URN of this kind, and the ID of its account.
func (ex *exchange) urn(o object, name, kind string) (urn, domainID string) {
	urn = mandatory[string](ex, o, name)
	form := urnForm.FindStringSubmatch(urn)
	if form == nil || form[2] != kind {
		ex.require(false, malformed("Invalid "+name))
		return "", ""
	}
	return urn, form[1]
}

// text reads a mandatory string of least to most characters.
func (ex *exchange) text(o object, name string, least, most int) string {
	v := mandatory[string](ex, o, name)
	ex.require(between(v, least, most), malformed("Invalid "+name))
	return v
}

// duration reads duration_seconds, an optional whole number from 900 to most.
func (ex *exchange) duration(o object, byDefault, most int) time.Duration {
	n := byDefault
	if _, sent := o["duration_seconds"]; sent {
		n = ex.integer(o, "duration_seconds")
		ex.require(n >= 900 && n <= most, malformed("Invalid duration_seconds"))
	}
	return time.Duration(n) * time.Second
}

// domain reads an account's ID or its name, of which exactly one must be sent.
func (ex *exchange) domain(o object, id, name string) account {
	a := account{optional[string](ex, o, id), optional[string](ex, o, name)}
	ex.require((a.ID == "") != (a.Name == ""), malformed("Invalid domain"))
	return a
}

// isIn reports whether a is in the account that a request names by ID or by name.
func (a Agency) isIn(domain account) bool {
	return domain == account{ID: a.DomainID} || domain == account{Name: a.DomainName}
}

// first returns the first element that fits, and reports whether there is one.
func first[T any](all []T, fits func(T) bool) (v T, found bool) {
	i := slices.IndexFunc(all, fits)
	if i >= 0 {
		v = all[i]
	}
	return v, i >= 0
}

// assumeWithOIDC is STS: keys of an agency for an ID token.
func (ex *exchange) assumeWithOIDC(body object) func() *answer {
	providerURN, domainID := ex.urn(body, "provider_urn", "oidcProvider")
	agencyURN, agencyDomainID := ex.urn(body, "agency_urn", "agency")
	session := ex.text(body, "agency_session_name", 2, 128)
	token := ex.text(body, "id_token", 4, 20000)
	life := ex.duration(body, 3600, 43200)
	ex.require(domainID == agencyDomainID, malformed("The URNs are of two accounts"))
	return func() *answer {
		a := ex.opts.Agency
		p, known := first(ex.opts.Providers, func(p OIDCProvider) bool { return a.ProviderURN(p.Name) == providerURN })
		if !known {
			return refuse(404, "", "No such identity provider")
		}
		if wrong := p.check(token, ex.now()); wrong != "" {
			return refuse(401, "", wrong)
		}
		if a.URN() != agencyURN {
			return refuse(403, "", "The agency does not trust the provider")
		}
		return ex.issueKeys(200, stsKeys, session, life)
	}
}

// assume is STS: keys of an agency for those of the caller.
func (ex *exchange) assume(body object) func() *answer {
	urn, _ := ex.urn(body, "agency_urn", "agency")
	session := ex.text(body, "agency_session_name", 2, 128)
	most := 43200
	if ex.caller.key.SecurityToken != "" {
		most = 3600
	}
	life := ex.duration(body, 3600, most)
	return func() *answer {
		a := ex.opts.Agency
		if a.URN() != urn {
			return refuse(403, "", "The agency cannot be assumed")
		}
		return ex.issueKeys(200, stsKeys, session, life)
	}
}

// securityTokens is IAM's own form of assume.
func (ex *exchange) securityTokens(body object) func() *answer {
	auth := mandatory[object](ex, body, "auth")
	role := mandatory[object](ex, ex.method(auth, "assume_role"), "assume_role")
	name := mandatory[string](ex, role, "agency_name")
	domain := ex.domain(role, "domain_id", "domain_name")
	life := ex.duration(role, 900, 86400)
	return func() *answer {
		a := ex.opts.Agency
		if a.Name != name || !a.isIn(domain) {
			return refuse(404, "", "Could not find the agency.")
		}
		return ex.issueKeys(201, iamKeys, name, life)
	}
}

// exchangeIDToken is IAM's own form of assumeWithOIDC: a token for an ID token.
func (ex *exchange) exchangeIDToken(body object) func() *answer {
	auth := mandatory[object](ex, body, "auth")
	token := mandatory[string](ex, mandatory[object](ex, auth, "id_token"), "id")
	var scope account // zero is none
	if _, scoped := auth["scope"]; scoped {
		domain := mandatory[object](ex, mandatory[object](ex, auth, "scope"), "domain")
		scope = ex.domain(domain, "id", "name")
	}
	ids := ex.r.Header.Values("X-Idp-Id")
	ex.require(len(ids) == 1, malformed("Invalid X-Idp-Id"))
	return func() *answer {
		p, known := first(ex.opts.Providers, func(p OIDCProvider) bool { return p.Name == ids[0] })
		if !known {
			return refuse(404, "", "Could not find the identity provider.")
		}
		if wrong := p.check(token, ex.now()); wrong != "" {
			return refuse(401, "", wrong)
		}
		a := ex.opts.Agency
		if scope != (account{}) && !a.isIn(scope) {
			return refuse(403, "", "The scope is not the provider's account.")
		}
		c := credential{account: account{a.DomainID, a.DomainName}, unscoped: scope == account{}}
		return ex.issueToken("mapped", "FederationUser", c, cmp.Or(ex.opts.CredentialLifetime, tokenLife))
	}
}

// domains is IAM: the account of the caller. Of what Options accepts, only access keys
// with a DomainID have a known one.
func (ex *exchange) domains(object) func() *answer {
	list := []account{}
	if ex.caller.account.ID != "" {
		list = append(list, ex.caller.account)
	}
	return func() *answer { return &answer{status: 200, body: map[string]any{"domains": list}} }
}

// keysForm is the names under which an endpoint answers with keys. IAM's have no agency.
type keysForm struct {
	agency, keys, access, secret, token, expires string
}

var (
	iamKeys = keysForm{"", "credential", "access", "secret", "securitytoken", "expires_at"}
	stsKeys = keysForm{"assumed_agency", "credentials", "access_key_id", "secret_access_key", "security_token", "expiration"}
	podKeys = keysForm{"assumedAgency", "credentials", "accessKeyId", "secretAccessKey", "securityToken", "expiration"}
)

// issueKeys makes new keys of the agency. It needs s.mu.
func (s *Simulator) issueKeys(status int, form keysForm, session string, life time.Duration) *answer {
	a := s.opts.Agency
	s.issued++
	key := AccessKey{
		AccessKey:     fmt.Sprintf("HSTSIMULATED%08d", s.issued),
		SecretKey:     fmt.Sprintf("simulated-secret-%08d", s.issued),
		SecurityToken: fmt.Sprintf("simulated/security+token==%08d", s.issued),
		DomainID:      a.DomainID,
	}
	expires := s.now().UTC().Add(cmp.Or(s.opts.CredentialLifetime, life))
	s.accessKeys[key.AccessKey] = &credential{key: key, account: account{a.DomainID, a.DomainName}, expires: expires}
	body := map[string]any{form.keys: map[string]string{
		form.access: key.AccessKey, form.secret: key.SecretKey, form.token: key.SecurityToken, form.expires: expires.Format(iamTime),
	}}
	if form.agency != "" { // no page documents these two values
		body[form.agency] = map[string]string{
			"urn": "sts::" + a.DomainID + ":assumed-agency:" + a.Name + "/" + session,
			"id":  "simulated-agency-id:" + session,
		}
	}
	return &answer{status: status, body: body}
}
