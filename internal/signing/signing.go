// Package signing computes Huawei Cloud's AK/SK request signature, SDK-HMAC-SHA256.
//
// The algorithm is that of Huawei's Go SDK (core/auth/signer), which is what the API gateway is known to accept:
//
//	canonical request = method, path, query, headers, names of the signed headers, hash of the body
//	string to sign    = algorithm, date, hash of the canonical request
//	signature         = hex(HMAC-SHA256(secret key, string to sign))
//
// Every element stands on a line of its own. The package does no I/O and has no clock: the moment is an argument,
// so that a request which is sent again can be signed again. The gateway refuses a date more than 15 minutes off.
package signing

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// Algorithm is the name of the signature, with which the Authorization header begins.
	Algorithm = "SDK-HMAC-SHA256"

	// HeaderDate names the header which carries the moment of signing. It is always signed.
	HeaderDate = "X-Sdk-Date"

	// DateFormat is the layout of HeaderDate's value, for [time.Time.Format]. The time is UTC.
	DateFormat = "20060102T150405Z"

	// HeaderContentHash names the optional header whose value takes the place of the body's hash in the signature.
	// Huawei's SDK sends UNSIGNED-PAYLOAD in it with bodies that are not JSON.
	HeaderContentHash = "X-Sdk-Content-Sha256"
)

// Key is an access key pair. Formatted with fmt it does not show its secret.
type Key struct {
	// AccessKey is the public half: it is sent in the clear in each request's Authorization header.
	AccessKey string

	// SecretKey is the half that signs. It is never sent.
	SecretKey string
}

// String returns the access key alone.
func (k Key) String() string { return "signing.Key(" + k.AccessKey + ")" }

// GoString returns the access key alone, so that %#v does not show the secret either.
func (k Key) GoString() string { return k.String() }

// Sign signs req for the moment at: it sets the headers X-Sdk-Date and Authorization, replacing an earlier
// signature. Whatever else is to be signed (X-Security-Token, X-Domain-Id) must be in req.Header before; a header
// that is added, removed or changed afterwards breaks the signature, unless its name begins with Content-Type or
// contains an underscore: those are not signed.
//
// body is what will be sent; req.Body is neither read nor replaced. The host is not signed unless req.Header has
// an entry named Host, whose value is then that of req.Host or req.URL.Host, since that is what is sent.
// Neither half of key may be empty; the gateway refuses the signature if one is.
func Sign(req *http.Request, body []byte, key Key, at time.Time) {
	req.Header.Del("Authorization")
	req.Header.Set(HeaderDate, at.UTC().Format(DateFormat))
	names := signable(req.Header)
	req.Header.Set("Authorization", Algorithm+" Access="+key.AccessKey+
		", SignedHeaders="+strings.Join(names, ";")+", Signature="+Signature(req, body, names, key.SecretKey))
}

// Signature returns the signature of a request under the secret key: 64 lower-case hexadecimal digits. Either end of
// the wire computes it. How the path is encoded does not matter: each segment is decoded, and encoded again in the one
// canonical way. A plus sign in the query means a space.
//
// names are the lower-case names from the Authorization header, in the sender's order. A name with several values is
// there once for each (Huawei's SDK writes it so), and each time stands for all.
//
// A verifier compares the signature with the one it was sent, in constant time. It judges X-Sdk-Date, and compares
// HeaderContentHash with the body's hash: this function takes both as given.
func Signature(req *http.Request, body []byte, names []string, secretKey string) string {
	canonical := strings.Join([]string{
		req.Method,
		canonicalPath(req.URL.EscapedPath()),
		canonicalQuery(req.URL.RawQuery),
		canonicalHeaders(req.Header, cmp.Or(req.Host, req.URL.Host), names),
		strings.Join(names, ";"),
		cmp.Or(req.Header.Get(HeaderContentHash), hexHash(body)),
	}, "\n")

	mac := hmac.New(sha256.New, []byte(secretKey))
	mac.Write([]byte(Algorithm + "\n" + req.Header.Get(HeaderDate) + "\n" + hexHash([]byte(canonical))))
	return hex.EncodeToString(mac.Sum(nil))
}

// signable returns the lower-case names of the headers to sign, sorted, each as often as it has values.
//
// Content-Type is left out because HTTP stacks rewrite it, underscores because gateways drop such headers.
func signable(header http.Header) []string {
	names := make([]string, 0, len(header))
	for name, values := range header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "content-type") || strings.Contains(lower, "_") {
			continue
		}
		for range values {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return names
}

// canonicalPath encodes the path segment by segment, so that an encoded slash stays one, and ends it with a slash
// whether or not the path that is sent does.
func canonicalPath(escaped string) string {
	segments := strings.Split(strings.TrimSuffix(escaped, "/"), "/")
	for i, segment := range segments {
		segments[i] = escape(unescape(segment, url.PathUnescape))
	}
	return strings.Join(segments, "/") + "/"
}

// canonicalQuery sorts the decoded keys, and the decoded values of a key, before it encodes them: sorting what is
// encoded gives another order as soon as a key has a character that is encoded. A key without a value gets its "=".
//
// It does not use url.ParseQuery, which drops what it cannot read; what is sent must be signed.
func canonicalQuery(raw string) string {
	query := url.Values{}
	for field := range strings.SplitSeq(raw, "&") {
		if field != "" {
			key, value, _ := strings.Cut(field, "=")
			query.Add(unescape(key, url.QueryUnescape), unescape(value, url.QueryUnescape))
		}
	}
	for _, values := range query {
		slices.Sort(values)
	}
	return spacesEscaped(query.Encode())
}

// canonicalHeaders gives each value of each named header a line. Values are trimmed before they are sorted, since a
// receiver gets them trimmed. (Huawei's SDK sorts first, and so fails with several values that begin with spaces.)
func canonicalHeaders(header http.Header, host string, names []string) string {
	var b strings.Builder
	for _, name := range names {
		values := slices.Clone(header.Values(name))
		if name == "host" {
			values = []string{host}
		}
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		slices.Sort(values)
		for _, v := range values {
			b.WriteString(name + ":" + v + "\n")
		}
	}
	return b.String()
}

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// unescape decodes s, or returns it as it is if it is not validly encoded.
func unescape(s string, decode func(string) (string, error)) string {
	if raw, err := decode(s); err == nil {
		return raw
	}
	return s
}

// escape percent-encodes every byte of s that is not unreserved in RFC 3986. url.PathEscape would leave "$&+:=@" alone.
func escape(s string) string { return spacesEscaped(url.QueryEscape(s)) }

// spacesEscaped writes a space as %20, where net/url writes a plus sign.
func spacesEscaped(query string) string { return strings.ReplaceAll(query, "+", "%20") }
