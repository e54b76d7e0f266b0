package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/signing"
)

// authorizationForm is the only form of the header that the vendor's SDK writes.
var authorizationForm = regexp.MustCompile(`^SDK-HMAC-SHA256 Access=([^,= ]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`)

// verifySignature checks a request that is signed with an AK/SK pair. It decides
// which headers must be signed: the date and those about identity. Otherwise a
// client that signs too little would pass. The host need not be signed, since the
// vendor's SDK does not sign it.
func (ex *exchange) verifySignature(authorization string) *answer {
	h := ex.r.Header
	for _, name := range []string{signing.HeaderDate, "X-Security-Token", "X-Domain-Id", signing.HeaderContentHash} {
		if len(h.Values(name)) > 1 {
			return malformed("Repeated " + name)
		}
	}
	form := authorizationForm.FindStringSubmatch(authorization)
	if form == nil {
		return unauthorized("Malformed Authorization")
	}
	names := strings.Split(form[2], ";")

	ex.s.mu.Lock()
	c, known := ex.s.accessKeys[form[1]]
	now := ex.s.nowLocked()
	ex.s.mu.Unlock()
	if !known {
		return unauthorized("Unknown access key")
	}
	key := c.key
	if !slices.IsSorted(names) {
		return unauthorized("SignedHeaders are not sorted")
	}
	for _, name := range names {
		if name != "host" && len(h.Values(name)) == 0 || strings.HasPrefix(name, "content-type") {
			return unauthorized("Unexpected signed header")
		}
	}
	for _, name := range []string{signing.HeaderDate, "X-Security-Token", "X-Domain-Id"} {
		if len(h.Values(name)) > 0 && !slices.Contains(names, strings.ToLower(name)) {
			return unauthorized("Unsigned " + name)
		}
	}
	date := h.Get(signing.HeaderDate)
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil {
		return unauthorized("Invalid x-sdk-date")
	}
	if now.Sub(at).Abs() > 15*time.Minute {
		return unauthorized("x-sdk-date out of range")
	}
	if h.Get("X-Security-Token") != key.SecurityToken {
		return unauthorized("Incorrect security token")
	}
	// Only global services need the account.
	if domain, sent := sentHeader(h, "X-Domain-Id"); key.DomainID != "" && domain != key.DomainID && (sent || ex.toTicketService()) {
		return unauthorized("Incorrect domain ID")
	}
	if hash, sent := sentHeader(h, signing.HeaderContentHash); sent {
		if sum := sha256.Sum256(ex.body); hash != hex.EncodeToString(sum[:]) {
			return unauthorized("Incorrect content hash")
		}
	}
	want := signing.Signature(signing.Parts{
		Method:        ex.r.Method,
		EscapedPath:   ex.r.URL.EscapedPath(),
		RawQuery:      ex.r.URL.RawQuery,
		Host:          ex.r.Host,
		Header:        h,
		SignedHeaders: names,
		Date:          date,
		Body:          ex.body,
	}, key.SecretKey)
	if !hmac.Equal([]byte(form[3]), []byte(want)) {
		return unauthorized("Signature does not match")
	}
	ex.s.mu.Lock()
	defer ex.s.mu.Unlock()
	if !ex.use(c) {
		return unauthorized("The access key has expired")
	}
	return nil
}
