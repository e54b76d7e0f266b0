package fidelity

import (
	"crypto/hmac"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdktime"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/signing"
)

// verifier is a server that answers 204 to a request whose signature holds, and 401 to others. It knows nothing of
// the requests but what the wire brings.
func verifier(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		authorization := r.Header.Get("Authorization")
		_, rest, _ := strings.Cut(authorization, ", SignedHeaders=")
		names, want, _ := strings.Cut(rest, ", Signature=")
		got := signing.Signature(signing.Parts{
			Method:        r.Method,
			EscapedPath:   r.URL.EscapedPath(),
			RawQuery:      r.URL.RawQuery,
			Host:          r.Host,
			Header:        r.Header,
			SignedHeaders: strings.Split(names, ";"),
			Date:          r.Header.Get(signing.HeaderDate),
			Body:          body,
		}, wireKey.SecretKey)
		if want == "" || !hmac.Equal([]byte(got), []byte(want)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	return server
}

var wireKey = signing.Key{AccessKey: "EXAMPLE", SecretKey: "example"}

// holds sends the order as Huawei's SDK signs and sends it, and reports whether the signature holds.
func (o order) holds(t *testing.T, server *httptest.Server) bool {
	t.Helper()
	req, authorization := o.sdk(t)
	req.Header.Set("Authorization", authorization)
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatalf("%s: %v", o.name, err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusNoContent
}

// TestTheSDKsSignaturesHoldAcrossTheWire shows that a verifier which has only what arrives can use Signature.
func TestTheSDKsSignaturesHoldAcrossTheWire(t *testing.T) {
	t.Parallel()
	server := verifier(t)
	for i := range 1000 {
		o := randomOrder(rand.New(rand.NewPCG(*seed+1, uint64(i))))
		o.key, o.endpoint = wireKey, server.URL
		if _, ok := o.header["Host"]; ok {
			o.header["Host"] = strings.TrimPrefix(server.URL, "http://")
		}
		if !o.holds(t, server) {
			t.Fatalf("request %d of seed %d: the signature does not hold: %.2000v", i, *seed+1, o)
		}
	}
}

// TestTheSDKIsNotAlwaysRight pins where Huawei's SDK signs something else than it sends, or reads something else than
// was meant. The provider does not follow it there. When a newer SDK fails this test, it has been mended.
func TestTheSDKIsNotAlwaysRight(t *testing.T) {
	t.Parallel()
	server := verifier(t)
	for _, o := range []order{
		{name: "sorts several values of a header before it trims them", path: "/", header: map[string]string{"X-Several": "a", "x-several": " b"}},
		{name: "signs a Host header that is not sent", path: "/", header: map[string]string{"Host": "other.example.com"}},
		{name: "sends the value of an empty key as a key", path: "/", query: map[string][]string{"": {"value"}}},
	} {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			o.method, o.endpoint, o.key, o.date = http.MethodGet, server.URL, wireKey, time.Unix(1e9, 0)
			if o.holds(t, server) {
				t.Error("the SDK's signature holds")
			}

			req, _ := o.sdk(t)
			signing.Sign(req, nil, o.key, o.date)
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				t.Error("the provider's signature does not hold either")
			}
		})
	}

	t.Run("reads +08:00 as UTC", func(t *testing.T) {
		t.Parallel()
		var got sdktime.SdkTime
		if err := json.Unmarshal([]byte(`"2026-01-02T11:04:05+08:00"`), &got); err != nil {
			t.Fatal(err)
		}
		if right := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC); time.Time(got).Sub(right) != 8*time.Hour {
			t.Errorf("the SDK reads %v", got)
		}
	})
}

// TestWhatThePathIsSentAndSignedAs pins which characters of a ticket ID Huawei's SDK sends otherwise than it signs
// them. A gateway that signs the path as it arrives would refuse them; a client that escapes them suits any gateway.
func TestWhatThePathIsSentAndSignedAs(t *testing.T) {
	t.Parallel()
	var otherwise strings.Builder
	for c := rune(' '); c < 0x7f; c++ {
		if c == '/' { // separates segments, both times
			continue
		}
		o := order{method: http.MethodGet, endpoint: "http://127.0.0.1", path: "/" + string(c), key: wireKey, date: time.Unix(1e9, 0)}
		req, want := o.sdk(t)
		if got := o.ours(t, req); got != want {
			t.Fatalf("%q is signed otherwise", c)
		}
		// The signature is equal to ours, which escapes all that is not unreserved.
		sent := strings.TrimPrefix(req.URL.EscapedPath(), "/")
		if sent == string(c) && !unreserved(c) {
			otherwise.WriteRune(c)
		}
	}
	if got, want := otherwise.String(), "$&+,:;=@"; got != want {
		t.Errorf("sent as they are, but signed escaped: %q, want %q", got, want)
	}
}

// unreserved reports whether RFC 3986 lets the character stand for itself everywhere.
func unreserved(c rune) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.ContainsRune("-._~", c)
}
