package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	wrong   = "401 APIGW.0301"
	expired = "401 APIGW.0307"
)

func TestTokens(t *testing.T) {
	long := strings.Repeat("x", 5000)
	s := service(Options{Tokens: []string{long, "other", ""}})
	for _, c := range []struct {
		name, want string
		change     func(*http.Request)
	}{
		{"right", accepted, header("X-Auth-Token", "t")},
		{"5000", accepted, header("X-Auth-Token", long)},
		{"unknown", wrong, header("X-Auth-Token", "T")},
		{"empty", wrong, header("X-Auth-Token", "")},
		{"none", wrong, header("X-Auth-Token")},
		{"with Authorization", wrong, header("Authorization", "x")},
	} {
		r := ask(t, s, "POST", submitPath, post, c.change)
		check(t, c.name, verdict(t, r), c.want)
	}
	check(t, "authentication must come first", verdict(t, ask(t, s, "POST", submitPath, "{", header("X-Auth-Token", "u"), header("X-Site", "9"))), wrong)
}

// sign signs as the service's API reference describes it, written out here so
// that it is not the code under test which agrees with itself. names must be
// sorted.
func sign(secret, date string, names ...string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Del("X-Auth-Token")
		r.Header.Set("X-Sdk-Date", date)
		var body []byte
		if r.GetBody != nil {
			reader, _ := r.GetBody()
			body, _ = io.ReadAll(reader)
		}
		digest := func(s string) string {
			sum := sha256.Sum256([]byte(s))
			return hex.EncodeToString(sum[:])
		}
		var headers strings.Builder
		for _, n := range names {
			v := r.Header.Get(n)
			if n == "host" {
				v = r.Host
			}
			headers.WriteString(n + ":" + v + "\n")
		}
		list := strings.Join(names, ";")
		canonical := strings.Join([]string{r.Method, r.URL.EscapedPath() + "/", r.URL.RawQuery, headers.String(), list, digest(string(body))}, "\n")
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("SDK-HMAC-SHA256\n" + date + "\n" + digest(canonical)))
		r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders="+list+", Signature="+hex.EncodeToString(mac.Sum(nil)))
	}
}

func TestSignatures(t *testing.T) {
	const now = "20260102T030405Z"
	edit := func(name, old, replacement string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, strings.Replace(r.Header.Get(name), old, replacement, 1)) }
	}
	plain := AccessKey{AccessKey: "AK", SecretKey: "SK"}
	temporary := AccessKey{AccessKey: "AK", SecretKey: "SK", SecurityToken: "st"}
	domain := AccessKey{AccessKey: "AK", SecretKey: "SK", DomainID: "id"}
	signed := sign("SK", now, "x-sdk-date")
	list := "GET /v2/servicerequest/cases/case-123/messages?limit=1&offset=2"
	submit := "POST " + submitPath
	sum := sha256.Sum256([]byte(post))

	for _, c := range []struct {
		name    string
		key     AccessKey
		request string
		want    string
		changes []func(*http.Request)
	}{
		{"right", plain, submit, accepted, []func(*http.Request){signed}},
		{"right query", plain, list, accepted, []func(*http.Request){signed}},
		{"host and more", plain, submit, accepted, []func(*http.Request){header("X-Language", "en-us"), sign("SK", now, "host", "x-language", "x-sdk-date")}},
		{"unsigned language", plain, submit, accepted, []func(*http.Request){header("X-Language", "en-us"), signed}},
		{"wrong secret", plain, submit, wrong, []func(*http.Request){sign("sk", now, "x-sdk-date")}},
		{"unknown key", plain, submit, wrong, []func(*http.Request){signed, edit("Authorization", "AK", "BK")}},
		{"other algorithm", plain, submit, wrong, []func(*http.Request){signed, edit("Authorization", "SHA256", "SM3")}},
		{"without Signature", plain, submit, wrong, []func(*http.Request){anonymous, header("Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date")}},
		{"date not signed", plain, submit, wrong, []func(*http.Request){header("X-Language", "en-us"), sign("SK", now, "x-language")}},
		{"no date", plain, submit, wrong, []func(*http.Request){signed, header("X-Sdk-Date")}},
		{"two dates", plain, submit, bad, []func(*http.Request){signed, header("X-Sdk-Date", now, now)}},
		{"two Authorizations", plain, submit, bad, []func(*http.Request){anonymous, header("Authorization", "x", "x")}},
		{"date in another form", plain, submit, wrong, []func(*http.Request){sign("SK", "2026-01-02T03:04:05Z", "x-sdk-date")}},
		{"14 min 55 s late", plain, submit, accepted, []func(*http.Request){sign("SK", "20260102T024910Z", "x-sdk-date")}},
		{"15 min 5 s late", plain, submit, wrong, []func(*http.Request){sign("SK", "20260102T024900Z", "x-sdk-date")}},
		{"14 min 55 s early", plain, submit, accepted, []func(*http.Request){sign("SK", "20260102T031900Z", "x-sdk-date")}},
		{"15 min 5 s early", plain, submit, wrong, []func(*http.Request){sign("SK", "20260102T031910Z", "x-sdk-date")}},
		{"not sorted", plain, submit, wrong, []func(*http.Request){header("X-Language", "en-us"), sign("SK", now, "x-sdk-date", "x-language")}},
		{"type signed", plain, submit, wrong, []func(*http.Request){sign("SK", now, "content-type", "x-sdk-date")}},
		{"absent header signed", plain, submit, wrong, []func(*http.Request){sign("SK", now, "x-language", "x-sdk-date")}},
		{"content hash", plain, submit, accepted, []func(*http.Request){header("X-Sdk-Content-Sha256", hex.EncodeToString(sum[:])), sign("SK", now, "x-sdk-content-sha256", "x-sdk-date")}},
		{"payload not signed", plain, submit, wrong, []func(*http.Request){signed, header("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD")}},

		{"temporary", temporary, submit, accepted, []func(*http.Request){header("X-Security-Token", "st"), sign("SK", now, "x-sdk-date", "x-security-token")}},
		{"temporary, token not signed", temporary, submit, wrong, []func(*http.Request){header("X-Security-Token", "st"), signed}},
		{"temporary, other token", temporary, submit, wrong, []func(*http.Request){header("X-Security-Token", "su"), sign("SK", now, "x-sdk-date", "x-security-token")}},
		{"temporary, no token", temporary, submit, wrong, []func(*http.Request){signed}},
		{"not temporary, but a token", plain, submit, wrong, []func(*http.Request){header("X-Security-Token", "st"), sign("SK", now, "x-sdk-date", "x-security-token")}},
		{"domain", domain, submit, accepted, []func(*http.Request){header("X-Domain-Id", "id"), sign("SK", now, "x-domain-id", "x-sdk-date")}},
		{"domain not signed", domain, submit, wrong, []func(*http.Request){header("X-Domain-Id", "id"), signed}},
		{"other domain", domain, submit, wrong, []func(*http.Request){header("X-Domain-Id", "other"), sign("SK", now, "x-domain-id", "x-sdk-date")}},
		{"no domain", domain, submit, wrong, []func(*http.Request){signed}},
		{"domain not needed", plain, submit, accepted, []func(*http.Request){header("X-Domain-Id", "id"), sign("SK", now, "x-domain-id", "x-sdk-date")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := service(Options{AccessKeys: []AccessKey{c.key}})
			method, target, _ := strings.Cut(c.request, " ")
			body := ""
			if method == "POST" {
				body = post
			}
			check(t, "verdict", verdict(t, ask(t, s, method, "http://service"+target, body, c.changes...)), c.want)
		})
	}

	s := service(Options{AccessKeys: []AccessKey{plain}})
	large := post + strings.Repeat(" ", maxBody)
	check(t, "large body", verdict(t, ask(t, s, "POST", submitPath, large, signed)), "413 APIGW.0201")
}

// Errors are for logs and screens, so they hold no secret.
func TestErrorsEchoNothing(t *testing.T) {
	s := service(Options{Users: []User{{"n", "p", "d"}}})
	for _, r := range []*httptest.ResponseRecorder{
		ask(t, s, "POST", submitPath, post, header("X-Auth-Token", "hunter2")),
		ask(t, s, "POST", submitPath, post, anonymous, header("Authorization", "hunter2")),
		ask(t, s, "POST", submitPath, `{"hunter2":1}`),
		ask(t, s, "POST", "/v3/auth/tokens", strings.Replace(login, `"p"`, `"hunter2"`, 1)),
	} {
		if body := bodyOf(r); strings.Contains(body, "hunter2") || body == "" {
			t.Errorf("got %s", body)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "127.0.0.1", "[::]:0"} {
		if s, err := Start(addr, Options{}); err == nil {
			t.Errorf("%s was accepted", addr)
			_ = s.Close()
		}
	}
	s, err := Start("localhost:0", Options{})
	if err != nil || !strings.HasPrefix(s.URL(), "http://127.0.0.1:") && !strings.HasPrefix(s.URL(), "http://[::1]:") {
		t.Fatalf("localhost: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
