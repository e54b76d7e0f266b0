package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// A reply is what an issuer answers. Its body is JSON, or the text of the metadata.
type reply struct {
	status int // 0 is 200
	header http.Header
	body   string
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// issuer answers in order, and writes down what it is asked.
type issuer struct {
	replies []reply
	asked   []string
}

func (i *issuer) call(_ context.Context, r Request, into any) (Answer, error) {
	body := ""
	if r.Body != nil {
		body = " " + string(r.Body)
	}
	target := *r.Base
	target.Path += "/" + r.Path
	query := target.Query()
	maps.Copy(query, r.Query)
	target.RawQuery = query.Encode()
	line := r.Method + " " + target.String() + body
	for name, values := range r.Header {
		line += fmt.Sprintf(" %s=%s", name, strings.Join(values, ","))
	}
	if r.By != nil {
		line += " signed by " + string(r.By.Mode())
	}
	if r.Local {
		line += " locally within " + r.Timeout.String()
	}
	i.asked = append(i.asked, line)
	next := i.replies[0]
	i.replies = i.replies[1:]
	header := http.Header{"Date": {noon.Format(http.TimeFormat)}}
	maps.Copy(header, next.header)
	a := Answer{Status: max(next.status, 200), Header: header, Body: []byte(next.body), Received: noon.Add(time.Hour)}
	if a.Status >= 300 && !slices.Contains(r.Statuses, a.Status) {
		return a, fmt.Errorf("HTTP %d", a.Status)
	}
	if into != nil {
		if err := json.Unmarshal(a.Body, into); err != nil {
			return a, err
		}
	}
	return a, nil
}

const (
	stsBody = `{"assumed_agency":{"urn":"sts::1:assumed-agency:a/s","id":"x"},"credentials":{"access_key_id":"A","secret_access_key":"S","security_token":"T","expiration":"2026-03-01T13:00:00Z"}}`
	podBody = `{"assumedAgency":{"urn":"iam::9:agency:pod","id":"x"},"credentials":{"accessKeyId":"A","secretAccessKey":"S","securityToken":"T","expiration":"2026-03-01T13:00:00.000Z"}}`
	iamBody = `{"credential":{"access":"A","secret":"S","securitytoken":"T","expires_at":"2026-03-01T13:00:00.574000Z"}}`
	token   = `{"token":{"expires_at":"2026-03-01T13:00:00.000000Z","methods":["x"]}}`
)

// What each source asks for, and what it makes of the answers.
func TestSources(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("  file's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sts, iam := mustURL("https://sts.example.com"), mustURL("https://iam.example.com/v3")
	subject := http.Header{"X-Subject-Token": {"subject"}}
	oidc := OIDC{STS: sts, ProviderURN: "iam::1:oidcProvider:p", AgencyURN: "iam::1:agency:a", SessionName: "deploy", IDToken: IDToken{Value: "e.y.J"}}
	pair := AccessKey{AccessKey: "a", SecretKey: "s"}
	const keys = "{AccessKey:A SecretKey:S SecurityToken:T DomainID:%s} for 59m59"
	with := func(change func(*OIDC)) OIDC {
		o := oidc
		change(&o)
		return o
	}
	for name, row := range map[string]struct {
		source  Source
		replies []reply
		asked   []string
		want    string
	}{
		"password": {
			Password{IAM: iam, UserName: "u", Password: "u's own", DomainName: "d"}, []reply{{201, subject, token}},
			[]string{`POST https://iam.example.com/v3/auth/tokens {"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"name":"d"},"name":"u","password":"u's own"}}},"scope":{"domain":{"name":"d"}}}}`},
			"subject for 59m59s",
		},
		"OIDC": {
			oidc, []reply{{body: stsBody}},
			[]string{`POST https://sts.example.com/v5/agencies/assume-with-oidc {"agency_session_name":"deploy","agency_urn":"iam::1:agency:a","id_token":"e.y.J","provider_urn":"iam::1:oidcProvider:p"}`},
			fmt.Sprintf(keys, "1") + "s",
		},
		"OIDC from a file, with a duration": {
			with(func(o *OIDC) { o.IDToken, o.Duration = IDToken{File: file}, time.Hour }), []reply{{body: stsBody}},
			[]string{`POST https://sts.example.com/v5/agencies/assume-with-oidc {"agency_session_name":"deploy","agency_urn":"iam::1:agency:a","duration_seconds":3600,"id_token":"file's","provider_urn":"iam::1:oidcProvider:p"}`},
			fmt.Sprintf(keys, "1") + "s",
		},
		"OIDC from GitHub": {
			with(func(o *OIDC) {
				o.IDToken = IDToken{RequestURL: mustURL("https://github.example.com/token?v=2"), RequestToken: "gt", Audience: "a b"}
			}),
			[]reply{{body: `{"value":"g.h.b"}`}, {body: stsBody}},
			[]string{
				`GET https://github.example.com/token/?audience=a+b&v=2 Authorization=bearer gt`,
				`POST https://sts.example.com/v5/agencies/assume-with-oidc {"agency_session_name":"deploy","agency_urn":"iam::1:agency:a","id_token":"g.h.b","provider_urn":"iam::1:oidcProvider:p"}`,
			},
			fmt.Sprintf(keys, "1") + "s",
		},
		"OIDC through IAM": {
			IAMOIDC{IAM: iam, ProviderID: "p", Domain: Domain{ID: "i"}, IDToken: IDToken{Value: "e.y.J"}}, []reply{{201, subject, token}},
			[]string{`POST https://iam.example.com/v3.0/OS-AUTH/id-token/tokens {"auth":{"id_token":{"id":"e.y.J"},"scope":{"domain":{"id":"i"}}}} X-Idp-Id=p`},
			"subject for 59m59s",
		},
		"agency by STS": {
			Agency{Base: pair, URN: "iam::2:agency:b", STS: sts, SessionName: "deploy"}, []reply{{body: stsBody}},
			[]string{`POST https://sts.example.com/v5/agencies/assume {"agency_session_name":"deploy","agency_urn":"iam::2:agency:b"} signed by access key`},
			fmt.Sprintf(keys, "2") + "s",
		},
		"agency by IAM": {
			Agency{Base: pair, IAM: iam, Name: "b", Domain: Domain{ID: "2"}, Duration: 15 * time.Minute}, []reply{{201, nil, iamBody}},
			[]string{`POST https://iam.example.com/v3.0/OS-CREDENTIAL/securitytokens {"auth":{"identity":{"assume_role":{"agency_name":"b","domain_id":"2","duration_seconds":900},"methods":["assume_role"]}}} signed by access key`},
			fmt.Sprintf(keys, "2") + ".574s",
		},
		"agency by IAM, account by name": {
			Agency{Base: pair, IAM: iam, Name: "b", Domain: Domain{Name: "two"}}, []reply{{201, nil, iamBody}, {body: `{"domains":[{"id":"2","name":"two"}]}`}},
			[]string{
				`POST https://iam.example.com/v3.0/OS-CREDENTIAL/securitytokens {"auth":{"identity":{"assume_role":{"agency_name":"b","domain_name":"two"},"methods":["assume_role"]}}} signed by access key`,
				`GET https://iam.example.com/v3/auth/domains signed by access key`,
			},
			fmt.Sprintf(keys, "2") + ".574s",
		},
		"pod": {
			Pod{URL: mustURL("http://127.0.0.1:1/v1?role=a"), TokenFile: file}, []reply{{body: podBody}},
			[]string{`POST http://127.0.0.1:1/v1/?role=a {} Authorization=file's locally within 5s`},
			fmt.Sprintf(keys, "9") + "s",
		},
		"ECS": {
			ECS{}, []reply{{body: "mt"}, {body: iamBody}},
			[]string{
				`PUT http://169.254.169.254/meta-data/latest/api/token X-Metadata-Token-Ttl-Seconds=21600 locally within 3s`,
				`GET http://169.254.169.254/openstack/latest/securitykey X-Metadata-Token=mt locally within 3s`,
			},
			fmt.Sprintf(keys, "") + ".574s",
		},
		"ECS, version 1, account from IAM": {
			ECS{IAM: iam}, []reply{{status: 503}, {body: iamBody}, {body: `{"domains":[{"id":"3"}]}`}},
			[]string{
				`PUT http://169.254.169.254/meta-data/latest/api/token X-Metadata-Token-Ttl-Seconds=21600 locally within 3s`,
				`GET http://169.254.169.254/openstack/latest/securitykey locally within 3s`,
				`GET https://iam.example.com/v3/auth/domains signed by access key`,
			},
			fmt.Sprintf(keys, "3") + ".574s",
		},
		// Whatever is missing in an answer is said.
		"no token":     {Password{IAM: iam}, []reply{{201, nil, token}}, nil, "the answer has no X-Subject-Token header"},
		"no expiry":    {Password{IAM: iam}, []reply{{201, subject, `{"token":{}}`}}, nil, "the answer does not say until when it can be used"},
		"odd expiry":   {oidc, []reply{{body: strings.Replace(stsBody, "2026-03-01T13:00:00Z", "tomorrow", 1)}}, nil, "the answer does not say until when it can be used"},
		"no key":       {oidc, []reply{{body: `{"credentials":{"access_key_id":"A","expiration":"2026-03-01T13:00:00Z"}}`}}, nil, "the answer has no temporary key"},
		"no ID token":  {with(func(o *OIDC) { o.IDToken = IDToken{RequestURL: iam} }), []reply{{body: `{}`}}, nil, "GitHub's answer has no ID token"},
		"no account":   {ECS{IAM: iam}, []reply{{body: "mt"}, {body: iamBody}, {body: `{"domains":[]}`}}, nil, "IAM does not name the one account of the keys: set domain_id"},
		"no file":      {with(func(o *OIDC) { o.IDToken = IDToken{File: file + "x"} }), nil, nil, "the file that id_token_file names cannot be read: "},
		"a directory":  {Pod{URL: iam, TokenFile: filepath.Dir(file)}, nil, nil, "the file that HC_CONTAINER_AUTHORIZATION_TOKEN_FILE names is not a regular file"},
		"two accounts": {ECS{IAM: iam}, []reply{{body: "mt"}, {body: iamBody}, {body: `{"domains":[{"id":"1"},{"id":"2"}]}`}}, nil, "IAM does not name the one account of the keys: set domain_id"},
		"permanent":    {oidc, []reply{{body: strings.Replace(stsBody, `"T"`, `""`, 1)}}, nil, "the answer has no temporary key"},
		"two lines":    {oidc, []reply{{body: strings.Replace(stsBody, `"T"`, `"T\r\nX: y"`, 1)}}, nil, "what was issued has a line break"},
		"odd token":    {Password{IAM: iam}, []reply{{201, http.Header{"X-Subject-Token": {"a\x00b"}}, token}}, nil, "what was issued has a line break"},
		"has expired":  {oidc, []reply{{body: strings.Replace(stsBody, "T13:00:00Z", "T12:00:01Z", 1)}}, nil, "what was issued has already expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := &issuer{replies: row.replies}
			c := New(row.source, i.call, func() time.Time { return noon.Add(time.Hour) })
			err := c.Authenticate(t.Context(), request(t), nil)
			got := ""
			switch {
			case err != nil:
				got = err.Error()
			case c.current.token != "":
				got = fmt.Sprint(c.current.token, " for ", c.current.expires.Sub(noon.Add(time.Hour)))
			default:
				got = fmt.Sprintf("%+v for %s", c.current.key, c.current.expires.Sub(noon.Add(time.Hour)))
			}
			if err == nil && got != row.want || err != nil && !strings.Contains(got, row.want) {
				t.Errorf("%s\nwant %s", got, row.want)
			}
			if row.asked != nil && strings.Join(i.asked, "\n") != strings.Join(row.asked, "\n") {
				t.Errorf("asked\n%s\nwant\n%s", strings.Join(i.asked, "\n"), strings.Join(row.asked, "\n"))
			}
			for _, secret := range []string{"subject", "u's own", "e.y.J", "file's", "gt", "g.h.b", "mt"} {
				if strings.Contains(strings.Join(row.asked, "")+got, secret) && !slices.Contains(c.Secrets(), secret) {
					t.Errorf("%s is not kept out of texts", secret)
				}
			}
			if key := c.current; key != nil && key.token == "" && (!slices.Contains(c.Secrets(), "S") || !slices.Contains(c.Secrets(), "T")) {
				t.Errorf("the key is not kept out of texts: %q", c.Secrets())
			}
		})
	}
}

// A file is read again at each renewal: Kubernetes replaces it.
func TestRotatedFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	i := &issuer{replies: []reply{{body: stsBody}, {body: stsBody}}}
	c := New(OIDC{STS: mustURL("https://sts.example.com"), IDToken: IDToken{File: file}}, i.call, func() time.Time { return noon.Add(time.Hour) })
	for _, text := range []string{"first", "second"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		req := request(t)
		if err := c.Authenticate(t.Context(), req, nil); err != nil {
			t.Fatal(err)
		}
		c.Renew(req)
		if asked := i.asked[len(i.asked)-1]; !strings.Contains(asked, `"id_token":"`+text+`"`) {
			t.Errorf("%s, want the token %s", asked, text)
		}
	}
}

// An issuer without a Date is believed by the local clock.
func TestExpiryWithoutADate(t *testing.T) {
	t.Parallel()
	got, err := Answer{Received: noon}.expiry("2026-03-01T13:00:00Z")
	if err != nil || !got.Equal(noon.Add(time.Hour)) {
		t.Error(got, err)
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	const file = `{"current":"ops","authEncrypt":"false","language":"en","profiles":[
		{"name":"ops","mode":"AKSK","accessKeyId":"A","secretAccessKey":"S","securityToken":"","domainId":"d","region":"eu-west-101"},
		{"name":"sso","mode":"SSO","domainId":"e","ssoAuth":{"stsToken":{"accessKeyId":"B","secretAccessKey":"S","securityToken":"T"}}},
		{"name":"ecs","mode":"ecsAgency"},{"name":"empty","mode":"AKSK"}]}`
	for _, row := range []struct {
		profile Profile
		file    string
		want    string
	}{
		{Profile{}, file, "{AccessKey:A SecretKey:S SecurityToken: DomainID:d}"},
		{Profile{Name: "sso"}, file, "{AccessKey:B SecretKey:S SecurityToken:T DomainID:e}"},
		{Profile{Name: "sso", DomainID: "mine"}, file, "{AccessKey:B SecretKey:S SecurityToken:T DomainID:mine}"},
		{Profile{Name: "ecs"}, file, `has a profile "ecs" of the mode "ecsAgency", and only AKSK and SSO are supported: use assume_agency or ecs_agency instead`},
		{Profile{Name: "empty"}, file, `has a profile "empty" without an access key`},
		{Profile{Name: "none"}, file, `has no profile "none"`},
		{Profile{}, strings.Replace(file, `"false"`, `"true"`, 1), "is encrypted; run hcloud configure set --cli-auth-encrypt=false"},
		{Profile{}, strings.Replace(file, `"false"`, `true`, 1), "is encrypted"},
		{Profile{}, "\xEF\xBB\xBF" + file, "{AccessKey:A SecretKey:S SecurityToken: DomainID:d}"}, // as editors of Windows write it
		{Profile{}, strings.Replace(file, `"A"`, `"A\n"`, 1), "without an access key"},
		{Profile{}, "secret", "is not the JSON that KooCLI writes"},
		{Profile{}, strings.Repeat("x", 1<<20+1), "longer than 1048576 bytes"},
	} {
		row.profile.File = filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(row.profile.File, []byte(row.file), 0o600); err != nil {
			t.Fatal(err)
		}
		c := New(row.profile, nil, time.Now)
		err := c.Authenticate(t.Context(), request(t), nil)
		var unusable *UnusableError
		switch {
		case err == nil:
			if got := fmt.Sprintf("%+v", c.current.key); got != row.want || !slices.Contains(c.Secrets(), "S") {
				t.Errorf("%+v: %s, want %s, with its secret kept", row.profile, got, row.want)
			}
		case !errors.As(err, &unusable) || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), row.profile.File):
			t.Errorf("%+v: %v, want %s", row.profile, err, row.want)
		}
	}
}

// Who logs in again with KooCLI need not start again: after a refusal the file is read once more.
func TestProfileIsReadAgain(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "config.json")
	c := New(Profile{File: name}, nil, time.Now)
	for _, key := range []string{"A", "B"} {
		text := fmt.Sprintf(`{"current":"ops","authEncrypt":"false","profiles":[{"name":"ops","mode":"AKSK","accessKeyId":"%s","secretAccessKey":"S"}]}`, key)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		req := request(t)
		if err := c.Authenticate(t.Context(), req, nil); err != nil || !strings.Contains(req.Header.Get("Authorization"), "Access="+key+",") {
			t.Error(req.Header, err)
		}
		if !c.Renew(req) {
			t.Error("it is not read again")
		}
	}
}
