package fidelity

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/signing"
)

var (
	seed  = flag.Uint64("seed", 1, "of the random requests")
	count = flag.Int("count-random", 10_000, "how many random requests to sign")
)

// TestRandomRequestsAreSignedAlike compares the whole Authorization header, byte for byte.
func TestRandomRequestsAreSignedAlike(t *testing.T) {
	t.Parallel()
	const batch = 500
	for first := 0; first < *count; first += batch {
		t.Run(fmt.Sprintf("from=%d", first), func(t *testing.T) {
			t.Parallel()
			for i := first; i < min(first+batch, *count); i++ {
				o := randomOrder(rand.New(rand.NewPCG(*seed, uint64(i))))
				req, want := o.sdk(t)
				if got := o.ours(t, req); got != want {
					t.Fatalf("request %d of seed %d: %.2000v\nsent as %s\n got %s\nwant %s",
						i, *seed, o, req.URL, got, want)
				}
			}
		})
	}
}

// alphabets are what names and values are drawn from.
var alphabets = [][]rune{
	[]rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~"),
	[]rune("abcXYZ019 !\"#$%&'()*+,-.:;<=>?@[\\]^_`{|}~"),
	[]rune("aé ß漢字工单留言測試 🎫🇪🇺\u0301\u200b\u00a0Ω"),
	[]rune("aA%2f%25%E5+& ="),
}

func text(r *rand.Rand, alphabet []rune, least, most int) string {
	var b strings.Builder
	for range least + r.IntN(most-least+1) {
		b.WriteRune(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func randomOrder(r *rand.Rand) order {
	o := order{
		method: pick(r, []string{
			http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead,
		}),
		endpoint: pick(r, []string{
			"https://osm.eu-west-101.myhuaweicloud.eu", "http://127.0.0.1:8443", "https://[::1]:443",
		}),
		query:  map[string][]string{},
		header: map[string]string{},
		key: signing.Key{
			AccessKey: text(r, alphabets[0], 1, 40),
			SecretKey: text(r, pick(r, alphabets), 1, 100),
		},
		date: time.Unix(r.Int64N(4e9), r.Int64N(1e9)).UTC(),
	}

	for range r.IntN(7) {
		o.path += "/" + text(r, pick(r, alphabets), 0, 12)
	}
	if o.path == "" || r.IntN(4) == 0 {
		o.path += "/"
	}

	for range r.IntN(6) {
		var values []string
		for range r.IntN(4) {
			values = append(values, text(r, pick(r, alphabets), 0, 12))
		}
		o.query[text(r, pick(r, alphabets), 1, 8)] = values
	}

	randomHeader(r, o.header)
	if r.IntN(3) > 0 {
		o.header["User-Agent"] = "huaweicloud-usdk-go/3.0; " + text(r, alphabets[0], 1, 20)
	}
	if r.IntN(10) == 0 {
		o.header["Host"] = o.endpoint[strings.LastIndex(o.endpoint, "/")+1:]
	}

	switch r.IntN(8) {
	case 0: // empty
	case 1:
		o.body = strings.Repeat(text(r, pick(r, alphabets), 1, 64), 1+r.IntN(4096))
	default:
		o.body = text(r, pick(r, alphabets), 1, 2000)
	}
	return o
}

// randomHeader adds headers, several of them odd. A name with several values can come out of the SDK only as names
// that differ in case; those values do not begin or end with a space here, see TestTheSDKIsNotAlwaysRight.
func randomHeader(r *rand.Rand, header map[string]string) {
	n := 0
	name := func() string {
		n++ // so that no two names differ in nothing but case
		name := fmt.Sprintf("X-%s%d", text(r, []rune("abcdXYZ012-_.~!#$%&'*+^`|"), 1, 10), n)
		switch r.IntN(4) {
		case 0:
			return strings.ToLower(name)
		case 1:
			return strings.ToUpper(name)
		}
		return name
	}
	for range r.IntN(6) {
		value := text(r, pick(r, alphabets), 0, 30)
		if r.IntN(3) == 0 {
			value = " \t" + value + "  "
		}
		header[name()] = value
	}
	for range r.IntN(3) {
		several := name()
		for _, same := range []string{several, strings.ToLower(several), strings.ToUpper(several)} {
			header[same] = text(r, alphabets[0], 0, 10)
		}
	}
	if r.IntN(2) == 0 {
		header["Content-Type"] = pick(r, []string{
			"application/json", "application/json;charset=utf8", "application/octet-stream", "text/plain",
		})
	}
	if r.IntN(8) == 0 {
		header["Content-Type-Options"] = "also not signed"
	}
}
