package fidelity

import (
	"crypto/hmac"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
