package signing_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/signing"
)

var (
	key = signing.Key{AccessKey: "AKEXAMPLE", SecretKey: "SKEXAMPLE"}
	at  = time.Date(2026, 2, 3, 4, 5, 6, 999, time.FixedZone("", 8*60*60))
)

// must is what a call returns that fails only if the test is wrong.
func must[T any](got T, err error) T {
	if err != nil {
		panic(err)
	}
	return got
}

// vector is one request and the Authorization header that Huawei's SDK gives it. The fidelity module writes them.
type vector struct {
	Name          string
	AccessKey     string
	SecretKey     string
	Date          string
	Method        string
	Host          string
	Path          string // escaped
	Query         string
	Header        http.Header
	Body          string
	Authorization string
}

func TestVectors(t *testing.T) {
	t.Parallel()
	var vectors []vector
	if err := json.Unmarshal(must(os.ReadFile("testdata/vectors.json")), &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors: %v", len(vectors), err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			req := must(http.NewRequest(v.Method, "https://"+v.Host+v.Path, strings.NewReader(v.Body)))
			req.URL.RawQuery = v.Query
			maps.Copy(req.Header, v.Header)
			date := must(time.Parse(signing.DateFormat, v.Date))

			signing.Sign(req, []byte(v.Body), signing.Key{AccessKey: v.AccessKey, SecretKey: v.SecretKey}, date)
			if got := req.Header.Get("Authorization"); got != v.Authorization {
				t.Errorf("Authorization\n got %s\nwant %s", got, v.Authorization)
			}
		})
	}
}

// parse returns the signed headers and the signature of an Authorization header.
func parse(t *testing.T, authorization string) (names []string, signature string) {
	t.Helper()
	_, rest, ok1 := strings.Cut(authorization, ", SignedHeaders=")
	declared, signature, ok2 := strings.Cut(rest, ", Signature=")
	if !ok1 || !ok2 {
		t.Fatalf("not an Authorization header: %q", authorization)
	}
	return strings.Split(declared, ";"), signature
}

func newRequest(t *testing.T, body string) *http.Request {
	t.Helper()
	req := must(http.NewRequest(http.MethodPost, "https://osm.example.com/v2/servicerequest/cases/TT%2F1/message?b=2&a=%2B", strings.NewReader(body)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Domain-Id", "domain")
	return req
}

func TestSignReplacesAnEarlierSignature(t *testing.T) {
	t.Parallel()
	once := newRequest(t, "body")
	signing.Sign(once, []byte("body"), key, at)

	twice := newRequest(t, "body")
	signing.Sign(twice, []byte("body"), key, at.Add(-time.Hour))
	signing.Sign(twice, []byte("body"), key, at)

	if got, want := fmt.Sprint(twice.Header), fmt.Sprint(once.Header); got != want {
		t.Errorf("signed twice\n got %s\nwant %s", got, want)
	}
	if got := once.Header.Get(signing.HeaderDate); got != "20260202T200506Z" {
		t.Errorf("date = %q; it must be UTC", got)
	}
}

// What is signed is pinned by the vectors. No vector has a query that is not validly
// encoded, or what a request may say in two ways.
func TestSignCovers(t *testing.T) {
	t.Parallel()
	sign := func(change func(req *http.Request), at time.Time) string {
		req := newRequest(t, "body")
		change(req)
		signing.Sign(req, []byte("body"), key, at)
		return req.Header.Get("Authorization")
	}
	want := sign(func(*http.Request) {}, at)

	if sign(func(r *http.Request) { r.URL.RawQuery = "%zz" }, at) == sign(func(r *http.Request) { r.URL.RawQuery = "%zy" }, at) {
		t.Error("the signature does not cover what is not validly encoded")
	}
	if sign(func(r *http.Request) { r.URL.RawQuery = "a+b=x+y" }, at) != sign(func(r *http.Request) { r.URL.RawQuery = "a%20b=x%20y" }, at) {
		t.Error("a plus sign is no space")
	}
	host := func(name string) string {
		return sign(func(r *http.Request) { r.Header.Set("Host", "ignored"); r.Host = name }, at)
	}
	if host("") != host("osm.example.com") || host("") == host("other.example.com") {
		t.Error("the host is req.Host, or else that of the URL")
	}

	for name, got := range map[string]string{
		"content type":   sign(func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }, at),
		"underscore":     sign(func(r *http.Request) { r.Header["X_Trace"] = []string{"1"} }, at),
		"host":           sign(func(r *http.Request) { r.Host = "other.example.com" }, at),
		"query order":    sign(func(r *http.Request) { r.URL.RawQuery = "&a=%2b&&b=2&" }, at),
		"path encoding":  sign(func(r *http.Request) { r.URL.RawPath = "/v2/servicerequest/cases/%54%54%2f1/message" }, at),
		"trailing slash": sign(func(r *http.Request) { r.URL.Path += "/"; r.URL.RawPath += "/" }, at),
		"header spaces":  sign(func(r *http.Request) { r.Header.Set("X-Domain-Id", " domain\t") }, at),
		"nanosecond":     sign(func(*http.Request) {}, at.Add(1)),
	} {
		if got != want {
			t.Errorf("the %s changed the signature\n got %s\nwant %s", name, got, want)
		}
	}
}

// What Sign signs and what a server reads from the wire must be the same request.
func TestSignatureHoldsAcrossTheWire(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		names, want := parse(t, r.Header.Get("Authorization"))
		got := signing.Signature(r, body, names, key.SecretKey)
		if got != want {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)

	for _, target := range []string{
		"",
		"/",
		"/v2/servicerequest/cases/a%2Fb/message",
		"/v2/servicerequest/cases/a%2fb%252F/message",
		"/v2/servicerequest/cases/%E5%B7%A5%E5%8D%95/message?",
		"/a//b/?x=%E7%95%99%E8%A8%80&x=a+b&x=a%20b&y&=z&&%zz=1;2",
		"/$&+,:;=@!'()*[]~-_./..%2e?q=!*'();:@$,/?%23[]",
	} {
		for _, host := range []string{"", "osm.example.com:8443"} {
			body := []byte(`{"message":{"content":"测试"}}`)
			req := must(http.NewRequest(http.MethodPost, server.URL+target, bytes.NewReader(body)))
			req.Host = host
			req.Header.Set("Host", "signed")
			req.Header.Set("Content-Type", "application/json")
			req.Header["X-Several"] = []string{"  b", "a ", "B"}
			req.Header.Set("X-Empty", "")
			signing.Sign(req, body, key, at)
			if got := req.Header.Values("X-Several"); got[0] != "  b" || got[2] != "B" {
				t.Errorf("signing changed a header to %q", got)
			}
			// The signature must not depend on these, which others add on the way.
			req.Header["X_Hop"] = []string{"1"}

			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%q with host %q: the signature does not hold", target, host)
			}
		}
	}
}

func TestKeyDoesNotShowItsSecret(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{key, &key, struct{ Key signing.Key }{key}} {
			if got := fmt.Sprintf(format, value); strings.Contains(got, key.SecretKey) {
				t.Errorf("%s of %T shows the secret: %s", format, value, got)
			}
		}
	}
}
