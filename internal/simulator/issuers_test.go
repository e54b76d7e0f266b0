package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var (
	deploy   = Agency{"deploy", "acc", "company"}
	github   = OIDCProvider{"github", "cloud"}
	userKey  = AccessKey{AccessKey: "AK", SecretKey: "SK"}
	otherKey = AccessKey{AccessKey: "AK2", SecretKey: "SK2", SecurityToken: "ST2", DomainID: "acc2"}
)

// issuing returns a service whose issuers have all that can be had, and what its clock shows.
func issuing(change ...func(*Options)) (s *Simulator, now *time.Time) {
	at := epoch
	opts := Options{
		Clock:      func() time.Time { return at },
		AccessKeys: []AccessKey{userKey, otherKey},
		Users:      []User{{"n", "p", "d"}, {"n", "q", "e"}},
		Agency:     deploy,
		Providers:  []OIDCProvider{github},
		PodToken:   "pod-token", ECSAgency: true, IDTokenRequestToken: "request-token",
	}
	for _, c := range change {
		c(&opts)
	}
	return service(opts), &at
}

// signed signs with the keys, whatever was sent before.
func signed(s *Simulator, key AccessKey) func(*http.Request) {
	return func(r *http.Request) {
		names := []string{"x-sdk-date"}
		if key.SecurityToken != "" {
			r.Header.Set("X-Security-Token", key.SecurityToken)
			names = append(names, "x-security-token")
		}
		if r.Header.Get("X-Domain-Id") != "" {
			names = append([]string{"x-domain-id"}, names...)
		}
		sign(key.SecretKey, s.now().UTC().Format("20060102T150405Z"), names...)(r)
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Access=AK,", "Access="+key.AccessKey+",", 1))
	}
}

// submitting posts a message and returns the verdict.
func submitting(t *testing.T, s *Simulator, change ...func(*http.Request)) string {
	t.Helper()
	return verdict(t, ask(t, s, "POST", submitPath, post, change...))
}

var anonymous = header("X-Auth-Token")

const login = `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"n","password":"p","domain":{"name":"d"}}}},"scope":{"domain":{"name":"d"}}}}`

// call is a right request to an issuer.
type call struct {
	op, method, path, body string
	change                 func(*Simulator) []func(*http.Request)
}

// calls is one for each issuer. ID.TOKEN stands for an ID token that is good.
var calls = func() map[string]call {
	sending := func(pairs ...string) func(*Simulator) []func(*http.Request) {
		return func(*Simulator) []func(*http.Request) {
			out := []func(*http.Request){anonymous}
			for i := 0; i < len(pairs); i += 2 {
				out = append(out, header(pairs[i], pairs[i+1]))
			}
			return out
		}
	}
	bySignature := func(s *Simulator) []func(*http.Request) { return []func(*http.Request){signed(s, userKey)} }
	all := map[string]call{}
	for _, c := range []call{
		{OpLogin, "POST", "/v3/auth/tokens", login, sending()},
		{OpAssumeWithOIDC, "POST", "/v5/agencies/assume-with-oidc",
			`{"provider_urn":"iam::acc:oidcProvider:github","agency_urn":"iam::acc:agency:deploy","agency_session_name":"run","id_token":"ID.TOKEN","duration_seconds":900}`, sending()},
		{OpAssume, "POST", "/v5/agencies/assume",
			`{"agency_urn":"iam::acc:agency:deploy","agency_session_name":"run","duration_seconds":900}`, bySignature},
		{OpSecurityTokens, "POST", "/v3.0/OS-CREDENTIAL/securitytokens",
			`{"auth":{"identity":{"methods":["assume_role"],"assume_role":{"agency_name":"deploy","domain_name":"company","duration_seconds":900}}}}`, bySignature},
		{OpIDTokenExchange, "POST", "/v3.0/OS-AUTH/id-token/tokens",
			`{"auth":{"id_token":{"id":"ID.TOKEN"},"scope":{"domain":{"name":"company"}}}}`, sending("X-Idp-Id", "github")},
		{OpDomains, "GET", "/v3/auth/domains", "", bySignature},
		{OpPodCredentials, "POST", PodCredentialsPath, "{}", sending("Authorization", "pod-token")},
		{OpMetadataToken, "PUT", "/meta-data/latest/api/token", "", sending("X-Metadata-Token-Ttl-Seconds", "21600")},
		{OpMetadataKeys, "GET", "/openstack/latest/securitykey", "", func(s *Simulator) []func(*http.Request) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPut, "/meta-data/latest/api/token", nil)
			r.Header.Set("X-Metadata-Token-Ttl-Seconds", "60")
			s.ServeHTTP(w, r)
			return sending("X-Metadata-Token", w.Body.String())(s)
		}},
		{OpIDTokenRequest, "GET", IDTokenRequestPath + "?api-version=2.0&audience=cloud", "", sending("Authorization", "bearer request-token")},
	} {
		all[c.op] = c
	}
	return all
}()

// send sends a call, with a part of its body replaced, and changed in the end.
func (c call) send(t *testing.T, s *Simulator, old, replacement string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	if !strings.Contains(c.path+" "+c.body, old) {
		t.Fatalf("%s: no %s to replace", c.op, old)
	}
	edit := func(text string) string {
		return strings.Replace(strings.Replace(text, old, replacement, 1), "ID.TOKEN", s.IDToken("cloud", time.Hour), 1)
	}
	return ask(t, s, c.method, edit(c.path), edit(c.body), append(c.change(s), change...)...)
}

// refusalOf is the status and, by its form, the kind of a refusal.
func refusalOf(t *testing.T, r *httptest.ResponseRecorder) string {
	t.Helper()
	var e struct {
		Code    string `json:"error_code"`
		ID      string `json:"request_id"`
		Encoded string `json:"encoded_authorization_message"`
		Error   struct {
			Code           int
			Message, Title string
		}
	}
	kind := "success"
	if r.Code < 300 {
		return fmt.Sprint(r.Code, " ", kind)
	}
	if err := json.Unmarshal(r.Body.Bytes(), &e); err != nil {
		t.Fatal(err)
	}
	switch {
	case r.Header().Get("X-Subject-Token") != "":
		kind = "with a token"
	case strings.HasPrefix(e.Code, "STS5.") && e.ID == r.Header().Get("X-Request-Id") && (e.Encoded != "") == (r.Code == 403):
		kind = "sts"
	case e.Error.Code == r.Code && e.Error.Message != "" && e.Error.Title != "":
		kind = "iam"
	default:
		kind = e.Code
	}
	return fmt.Sprint(r.Code, " ", kind)
}

func TestIssuersAreStrict(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	quoted := func(s string) string { return `"` + s + `"` }
	jwt := func(header, claims string) string {
		e := base64.RawURLEncoding.EncodeToString
		return e([]byte(header)) + "." + e([]byte(claims)) + ".eA"
	}
	const alg = `{"alg":"RS256"}`
	soon := epoch.Unix() + 1
	claims := func(aud string, exp any) string { return fmt.Sprintf(`{"aud":%s,"exp":%v}`, aud, exp) }
	scope := `,"scope":{"domain":{"name":"company"}}`
	seconds := `"duration_seconds":900`
	domain := `"domain_name":"company"`

	for _, c := range []struct{ name, op, old, replacement, want string }{
		{"no duration", OpAssumeWithOIDC, "," + seconds, "", "200 success"},
		{"long", OpAssumeWithOIDC, "900", "43200", "200 success"},
		{"too long", OpAssumeWithOIDC, "900", "43201", "400 sts"},
		{"too short", OpAssumeWithOIDC, "900", "899", "400 sts"},
		{"session 1", OpAssumeWithOIDC, `"run"`, `"r"`, "400 sts"},
		{"session 2", OpAssumeWithOIDC, `"run"`, `"ru"`, "200 success"},
		{"session 128", OpAssumeWithOIDC, `"run"`, quoted(x(128)), "200 success"},
		{"session 129", OpAssumeWithOIDC, `"run"`, quoted(x(129)), "400 sts"},
		{"ID token 3", OpAssumeWithOIDC, "ID.TOKEN", x(3), "400 sts"},
		{"ID token 4", OpAssumeWithOIDC, "ID.TOKEN", x(4), "401 sts"},
		{"ID token 20000", OpAssumeWithOIDC, "ID.TOKEN", x(20000), "401 sts"},
		{"ID token 20001", OpAssumeWithOIDC, "ID.TOKEN", x(20001), "400 sts"},
		{"agency as provider", OpAssumeWithOIDC, "oidcProvider:github", "agency:github", "400 sts"},
		{"not a URN", OpAssumeWithOIDC, "iam::acc:agency", "iam:acc:agency", "400 sts"},
		{"name of another kind", OpAssumeWithOIDC, "agency:deploy", "agency:deploy:x", "400 sts"},
		{"two accounts", OpAssumeWithOIDC, "iam::acc:oidcProvider:github", "iam::acc2:oidcProvider:github", "400 sts"},
		{"both in another account", OpAssumeWithOIDC, `acc:oidcProvider:github","agency_urn":"iam::acc:`, `acc2:oidcProvider:github","agency_urn":"iam::acc2:`, "404 sts"},
		{"unknown provider", OpAssumeWithOIDC, "github", "gitlab", "404 sts"},
		{"unknown agency", OpAssumeWithOIDC, "deploy", "other", "403 sts"},

		{"other JWT", OpAssumeWithOIDC, "ID.TOKEN", jwt(alg, claims(`"cloud"`, soon)), "200 success"},
		{"audiences", OpAssumeWithOIDC, "ID.TOKEN", jwt(alg, claims(`["x","cloud"]`, soon)), "200 success"},
		{"other audiences", OpAssumeWithOIDC, "ID.TOKEN", jwt(alg, claims(`["x","cloud2"]`, soon)), "401 sts"},
		{"other audience", OpAssumeWithOIDC, "ID.TOKEN", jwt(alg, claims(`"Cloud"`, soon)), "401 sts"},
		{"no audience", OpAssumeWithOIDC, "ID.TOKEN", jwt(alg, fmt.Sprintf(`{"exp":%d}`, soon)), "401 sts"},
		{"expired", OpAssumeWithOIDC, "ID.TOKEN", jwt(alg, claims(`"cloud"`, float64(epoch.UnixMilli())/1000)), "401 sts"},
		{"no expiry", OpAssumeWithOIDC, "ID.TOKEN", jwt(alg, `{"aud":"cloud"}`), "401 sts"},
		{"no algorithm", OpAssumeWithOIDC, "ID.TOKEN", jwt(`{"alg":"none"}`, claims(`"cloud"`, soon)), "401 sts"},
		{"claims not JSON", OpAssumeWithOIDC, "ID.TOKEN", jwt(alg, "x"), "401 sts"},
		{"two parts", OpAssumeWithOIDC, "ID.TOKEN", strings.TrimSuffix(jwt(alg, claims(`"cloud"`, soon)), ".eA"), "401 sts"},
		{"no signature", OpAssumeWithOIDC, "ID.TOKEN", strings.TrimSuffix(jwt(alg, claims(`"cloud"`, soon)), "eA"), "401 sts"},

		{"long", OpAssume, "900", "43200", "200 success"},
		{"too long", OpAssume, "900", "43201", "400 sts"},
		{"unknown agency", OpAssume, "deploy", "other", "403 sts"},

		{"account by ID", OpSecurityTokens, domain, `"domain_id":"acc"`, "201 success"},
		{"long", OpSecurityTokens, "900", "86400", "201 success"},
		{"too long", OpSecurityTokens, "900", "86401", "400 iam"},
		{"no account", OpSecurityTokens, domain + ",", "", "400 iam"},
		{"account twice", OpSecurityTokens, domain, domain + `,"domain_id":"acc"`, "400 iam"},
		{"name as ID", OpSecurityTokens, domain, `"domain_id":"company"`, "404 iam"},
		{"unknown agency", OpSecurityTokens, "deploy", "other", "404 iam"},

		{"account by ID", OpIDTokenExchange, `"name":"company"`, `"id":"acc"`, "201 success"},
		{"no scope", OpIDTokenExchange, scope, "", "201 success"},
		{"empty scope", OpIDTokenExchange, scope, `,"scope":{}`, "400 IAM.0011"},
		{"other scope", OpIDTokenExchange, "company", "other", "403 IAM.0003"},
		{"no ID token", OpIDTokenExchange, `"id":"ID.TOKEN"`, "", "400 IAM.0011"},
		{"not a JWT", OpIDTokenExchange, "ID.TOKEN", "xxxx", "401 IAM.0007"},

		{"wrong password", OpLogin, `"p"`, `"q"`, "401 iam"},
		{"wrong name", OpLogin, `"n"`, `"m"`, "401 iam"},
		{"wrong domain", OpLogin, `"d"}}}},"scope":{"domain":{"name":"d"`, `"e"}}}},"scope":{"domain":{"name":"e"`, "401 iam"},
		{"other scope", OpLogin, `"scope":{"domain":{"name":"d"}}`, `"scope":{"domain":{"name":"e"}}`, "401 iam"},
		{"no scope", OpLogin, `,"scope":{"domain":{"name":"d"}}`, "", "400 iam"},
		{"other method", OpLogin, `["password"]`, `["token"]`, "400 iam"},
		{"two methods", OpLogin, `["password"]`, `["password","password"]`, "400 iam"},
		{"no method", OpLogin, `["password"]`, `[]`, "400 iam"},
		{"no password", OpLogin, `"password":"p",`, ``, "400 iam"},

		{"no version", OpIDTokenRequest, "api-version=2.0&", "", "400 iam"},
		{"no audience", OpIDTokenRequest, "&audience=cloud", "", "400 iam"},
	} {
		s, _ := issuing()
		r := calls[c.op].send(t, s, c.old, c.replacement)
		if got := refusalOf(t, r); got != c.want {
			t.Errorf("%s, %s: got %s, want %s: %s", c.op, c.name, got, c.want, bodyOf(r))
		}
	}
}

// What is sent beside the body, and what the service lacks.
func TestIssuersCheckTheCaller(t *testing.T) {
	none := func(*Options) {}
	for _, c := range []struct {
		name, op, want string
		opts           func(*Options)
		change         func(*http.Request)
	}{
		{"token sent", OpAssumeWithOIDC, "400 sts", none, header("X-Auth-Token", "t")},
		{"signature sent", OpAssumeWithOIDC, "400 sts", none, header("Authorization", "x")},
		{"token sent", OpIDTokenExchange, "400 IAM.0011", none, header("X-Auth-Token", "t")},
		{"no provider", OpIDTokenExchange, "400 IAM.0011", none, header("X-Idp-Id")},
		{"two providers", OpIDTokenExchange, "400 IAM.0011", none, header("X-Idp-Id", "github", "github")},
		{"unknown provider", OpIDTokenExchange, "404 IAM.0004", none, header("X-Idp-Id", "gitlab")},
		{"token instead", OpAssume, "401 APIGW.0301", none, func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("X-Auth-Token", "t") }},
		{"token instead", OpSecurityTokens, "401 iam", none, func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("X-Auth-Token", "t") }},
		{"no credentials", OpDomains, "401 iam", none, header("Authorization")},
		{"token instead", OpDomains, "200 success", none, func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("X-Auth-Token", "t") }},
		{"a scheme", OpPodCredentials, "401 iam", none, header("Authorization", "Bearer pod-token")},
		{"a line break", OpPodCredentials, "401 iam", none, header("Authorization", "pod-token\n")},
		{"other token", OpPodCredentials, "401 iam", none, header("Authorization", "other")},
		{"no Content-Type", OpPodCredentials, "200 success", none, header("Content-Type")},
		{"form", OpPodCredentials, "400 iam", none, header("Content-Type", "text/plain")},
		{"no pod token", OpPodCredentials, "404 iam", func(o *Options) { o.PodToken = "" }, nil},
		{"life 0", OpMetadataToken, "400 iam", none, header("X-Metadata-Token-Ttl-Seconds", "0")},
		{"life 1", OpMetadataToken, "200 success", none, header("X-Metadata-Token-Ttl-Seconds", "1")},
		{"life 21601", OpMetadataToken, "400 iam", none, header("X-Metadata-Token-Ttl-Seconds", "21601")},
		{"credentials sent", OpMetadataToken, "400 iam", none, header("X-Auth-Token", "t")},
		{"no agency", OpMetadataToken, "404 iam", func(o *Options) { o.ECSAgency = false }, nil},
		{"no agency", OpMetadataKeys, "404 iam", func(o *Options) { o.ECSAgency = false }, nil},
		{"other token", OpMetadataKeys, "401 iam", none, header("X-Metadata-Token", "other")},
		{"other scheme", OpIDTokenRequest, "401 iam", none, header("Authorization", "token request-token")},
		{"upper case scheme", OpIDTokenRequest, "200 success", none, header("Authorization", "Bearer request-token")},
		{"other token", OpIDTokenRequest, "401 iam", none, header("Authorization", "bearer other")},
		{"not at GitHub", OpIDTokenRequest, "404 iam", func(o *Options) { o.IDTokenRequestToken = "" }, nil},
	} {
		s, _ := issuing(c.opts)
		r := calls[c.op].send(t, s, "", "", c.change)
		if got := refusalOf(t, r); got != c.want {
			t.Errorf("%s, %s: got %s, want %s: %s", c.op, c.name, got, c.want, bodyOf(r))
		}
	}
}

// keysOf reads the keys of an answer, in each of its three forms.
func keysOf(t *testing.T, r *httptest.ResponseRecorder) (key AccessKey, expires string) {
	t.Helper()
	var v map[string]map[string]string
	if err := json.Unmarshal(r.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	for _, names := range [][5]string{
		{"credential", "access", "secret", "securitytoken", "expires_at"},
		{"credentials", "access_key_id", "secret_access_key", "security_token", "expiration"},
		{"credentials", "accessKeyId", "secretAccessKey", "securityToken", "expiration"},
	} {
		if c := v[names[0]]; len(c) == 4 && c[names[1]] != "" {
			return AccessKey{c[names[1]], c[names[2]], c[names[3]], "acc"}, c[names[4]]
		}
	}
	t.Fatalf("no keys in %s", bodyOf(r))
	return key, ""
}

// issuedKey returns new keys from an issuer.
func issuedKey(t *testing.T, s *Simulator, op string) AccessKey {
	t.Helper()
	key, _ := keysOf(t, calls[op].send(t, s, "", ""))
	return key
}

// withToken sends the token that an issuer gave.
func withToken(r *httptest.ResponseRecorder) func(*http.Request) {
	return header("X-Auth-Token", r.Header().Get("X-Subject-Token"))
}

// lifetime sets CredentialLifetime.
func lifetime(life time.Duration) func(*Options) {
	return func(o *Options) { o.CredentialLifetime = life }
}

// Issued keys work at the ticket service, with their token and their account, until
// they expire.
func TestIssuedKeys(t *testing.T) {
	sts := `{"assumed_agency":{"id":"simulated-agency-id:run","urn":"sts::acc:assumed-agency:deploy/run"},"credentials":{"access_key_id":"`
	for op, begins := range map[string]string{
		OpAssumeWithOIDC: sts,
		OpAssume:         sts,
		OpSecurityTokens: `{"credential":{"access":"`,
		OpPodCredentials: `{"assumedAgency":{"id":"simulated-agency-id:pod","urn":"sts::acc:assumed-agency:deploy/pod"},"credentials":{"accessKeyId":"`,
		OpMetadataKeys:   `{"credential":{"access":"`,
	} {
		asked := 900 * time.Second
		if op == OpPodCredentials || op == OpMetadataKeys {
			asked = time.Hour
		}
		for configured, life := range map[time.Duration]time.Duration{0: asked, 2 * time.Second: 2 * time.Second} {
			s, now := issuing(lifetime(configured))
			r := calls[op].send(t, s, "", "")
			if !strings.HasPrefix(bodyOf(r), begins) || r.Header().Get("Date") != "Fri, 02 Jan 2026 03:04:05 GMT" {
				t.Errorf("%s: got %v %s", op, r.Header(), bodyOf(r))
			}
			key, expires := keysOf(t, r)
			check(t, op+", expires", expires, epoch.Add(life).Format("2006-01-02T15:04:05.000000Z"))
			domain := header("X-Domain-Id", "acc")
			*now = epoch.Add(life - 1)
			check(t, op+", right", submitting(t, s, domain, signed(s, key)), accepted)
			check(t, op+", no domain", submitting(t, s, signed(s, key)), wrong)
			check(t, op+", other domain", submitting(t, s, header("X-Domain-Id", "acc2"), signed(s, key)), wrong)
			check(t, op+", no security token", submitting(t, s, domain, signed(s, AccessKey{key.AccessKey, key.SecretKey, "", ""})), wrong)
			*now = epoch.Add(life)
			check(t, op+", expired", submitting(t, s, domain, signed(s, key)), wrong)
		}
	}
}

// The keys of an agency need no account at STS and IAM, but a wrong one is refused.
// STS gives for temporary keys no more than an hour.
func TestIssuersTakeIssuedKeys(t *testing.T) {
	s, _ := issuing()
	key := issuedKey(t, s, OpAssumeWithOIDC)
	for _, c := range []struct {
		op, old, replacement, want string
		domain                     func(*http.Request)
	}{
		{OpAssume, "", "", "200 success", nil},
		{OpAssume, "", "", "200 success", header("X-Domain-Id", "acc")},
		{OpAssume, "", "", "401 APIGW.0301", header("X-Domain-Id", "acc2")},
		{OpAssume, "900", "3600", "200 success", nil},
		{OpAssume, "900", "3601", "400 sts", nil},
		{OpSecurityTokens, "900", "86400", "201 success", nil},
		{OpDomains, "", "", "200 success", nil},
	} {
		if r := calls[c.op].send(t, s, c.old, c.replacement, c.domain, signed(s, key)); refusalOf(t, r) != c.want {
			t.Errorf("%s %s: got %s %s, want %s", c.op, c.replacement, refusalOf(t, r), bodyOf(r), c.want)
		}
	}
}

// A token works for a day. That for an ID token may live shorter.
func TestIssuedTokens(t *testing.T) {
	const day = 24 * time.Hour
	const exchanged = `{"token":{"domain":{"id":"acc","name":"company"},`
	for _, c := range []struct {
		op, begins       string
		configured, life time.Duration
	}{
		{OpLogin, `{"token":{`, 0, day},
		{OpLogin, `{"token":{`, 2 * time.Second, day},
		{OpIDTokenExchange, exchanged, 0, day},
		{OpIDTokenExchange, exchanged, 2 * time.Second, 2 * time.Second},
	} {
		s, now := issuing(lifetime(c.configured))
		r := calls[c.op].send(t, s, "", "")
		times := `"expires_at":"` + epoch.Add(c.life).Format("2006-01-02T15:04:05.000000Z") + `","issued_at":"2026-01-02T03:04:05.678000Z"`
		if body := bodyOf(r); r.Code != 201 || !strings.HasPrefix(body, c.begins) || !strings.Contains(body, times) {
			t.Errorf("%s: got %d %s", c.op, r.Code, body)
		}
		*now = epoch.Add(c.life - 1)
		check(t, c.op, submitting(t, s, withToken(r)), accepted)
		*now = epoch.Add(c.life)
		check(t, c.op+", expired", submitting(t, s, withToken(r)), expired)
	}
	s, _ := issuing()
	r := calls[OpIDTokenExchange].send(t, s, `,"scope":{"domain":{"name":"company"}}`, "")
	if got := submitting(t, s, withToken(r)); got != wrong || strings.Contains(bodyOf(r), `"token":{"domain"`) {
		t.Errorf("unscoped: %s, %s", got, bodyOf(r))
	}
}

func TestDomains(t *testing.T) {
	s, _ := issuing()
	const company = `{"domains":[{"id":"acc","name":"company"}]}`
	for _, c := range []struct {
		change func(*http.Request)
		want   string
	}{
		{signed(s, issuedKey(t, s, OpSecurityTokens)), company},
		{withToken(calls[OpIDTokenExchange].send(t, s, "", "")), company},
		{signed(s, userKey), `{"domains":[]}`},
		{signed(s, otherKey), `{"domains":[{"id":"acc2","name":""}]}`},
	} {
		check(t, "domains", bodyOf(ask(t, s, "GET", "/v3/auth/domains", "", c.change)), c.want)
	}
}

func TestRevokeIssued(t *testing.T) {
	s, _ := issuing()
	key := issuedKey(t, s, OpAssumeWithOIDC)
	exchanged, login := withToken(calls[OpIDTokenExchange].send(t, s, "", "")), withToken(calls[OpLogin].send(t, s, "", ""))
	s.RevokeIssued()
	check(t, "keys", submitting(t, s, header("X-Domain-Id", "acc"), signed(s, key)), wrong)
	check(t, "token for an ID token", submitting(t, s, exchanged), expired)
	check(t, "token for a password", submitting(t, s, login), expired)
	check(t, "keys of a user", submitting(t, s, signed(s, userKey)), accepted)
	check(t, "token that was not issued", submitting(t, s), accepted)
}

// A metadata token ends by its own time, or with all that was issued.
func TestMetadataTokens(t *testing.T) {
	for end, want := range map[time.Duration]int{time.Minute - 1: 200, time.Minute: 401, 0: 401} {
		s, now := issuing()
		change := calls[OpMetadataKeys].change(s)
		*now = now.Add(end)
		if end == 0 {
			s.RevokeIssued()
		}
		if r := ask(t, s, "GET", "/openstack/latest/securitykey", "", change...); r.Code != want {
			t.Errorf("after %v: %d", end, r.Code)
		}
	}
	s, _ := issuing()
	r := calls[OpMetadataToken].send(t, s, "", "")
	if got := r.Header().Get("Content-Type"); got != "text/plain" || strings.ContainsAny(bodyOf(r), "{\"\n") {
		t.Errorf("got %s %q", got, bodyOf(r))
	}
}

func TestIDTokens(t *testing.T) {
	s, _ := issuing()
	const want = `{"aud":"cloud","exp":1767323345,"iat":1767323045,"iss":"https://issuer.example","sub":"simulated"}`
	for name, answer := range map[string]string{
		"IDToken": s.IDToken("cloud", 5*time.Minute),
		"GitHub":  bodyOf(calls[OpIDTokenRequest].send(t, s, "", "")),
		"control": bodyOf(ask(t, s, "POST", IDTokensPath, `{"audience":"cloud","seconds":300}`, anonymous)),
	} {
		token := strings.NewReplacer(`{"value":"`, "", `"}`, "", "\n", "").Replace(answer)
		parts := strings.Split(token, ".")
		if len(parts) != 3 {
			t.Fatalf("%s: %q", name, token)
		}
		if claims, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil || string(claims) != want {
			t.Errorf("%s: %s, %v", name, claims, err)
		}
	}
}
