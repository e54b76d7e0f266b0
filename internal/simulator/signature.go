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
	identity := []string{signing.HeaderDate, "X-Security-Token", "X-Domain-Id"}
	for _, name := range append(identity, signing.HeaderContentHash) {
		if len(h.Values(name)) > 1 {
			return malformed("Repeated " + name)
		}
	}
	form := authorizationForm.FindStringSubmatch(authorization)
	if form == nil {
		return unauthorized("Malformed Authorization")
	}
	names := strings.Split(form[2], ";")

	c, known := ex.accessKeys[form[1]]
	if !known {
		return unauthorized("Unknown access key")
	}
	key := c.key
	ex.require(slices.IsSorted(names), unauthorized("SignedHeaders are not sorted"))
	for _, name := range names {
		ex.require((name == "host" || len(h.Values(name)) > 0) && !strings.HasPrefix(name, "content-type"), unauthorized("Unexpected signed header"))
	}
	for _, name := range identity {
		ex.require(len(h.Values(name)) == 0 || slices.Contains(names, strings.ToLower(name)), unauthorized("Unsigned "+name))
	}
	at, err := time.Parse(signing.DateFormat, h.Get(signing.HeaderDate))
	ex.require(err == nil, unauthorized("Invalid x-sdk-date"))
	ex.require(ex.now().Sub(at).Abs() <= 15*time.Minute, unauthorized("x-sdk-date out of range"))
	ex.require(h.Get("X-Security-Token") == key.SecurityToken, unauthorized("Incorrect security token"))
	// Only global services need the account.
	domain, sent := sentHeader(h, "X-Domain-Id")
	ex.require(key.DomainID == "" || domain == key.DomainID || !sent && !ex.toTicketService(), unauthorized("Incorrect domain ID"))
	hash, sent := sentHeader(h, signing.HeaderContentHash)
	sum := sha256.Sum256(ex.body)
	ex.require(!sent || hash == hex.EncodeToString(sum[:]), unauthorized("Incorrect content hash"))
	want := signing.Signature(ex.r, ex.body, names, key.SecretKey)
	ex.require(hmac.Equal([]byte(form[3]), []byte(want)), unauthorized("Signature does not match"))
	ex.require(!c.expired(ex.now()), unauthorized("The access key has expired"))
	ex.caller = c
	return ex.refusal
}
