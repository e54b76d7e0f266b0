package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// IDToken returns an ID token as an identity provider would issue it: a JWT with iss,
// sub, aud, iat and exp, by the service's clock.
//
// Its signature is not a real one, and the service verifies none: the keys of GitHub or
// GitLab cannot be had without a network, and with a key of its own it would refuse
// their tokens. It does verify the form, aud and exp.
func (s *Simulator) IDToken(audience string, life time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idToken(audience, life)
}

// idToken is IDToken, and needs s.mu.
func (s *Simulator) idToken(audience string, life time.Duration) string {
	now := s.now()
	encode := func(v any) string { return base64.RawURLEncoding.EncodeToString(mustJSON(v)) }
	token := encode(map[string]string{"alg": "RS256", "typ": "JWT"}) + "." + encode(map[string]any{
		"iss": "https://issuer.example", "sub": "simulated", "aud": audience, "iat": now.Unix(), "exp": now.Add(life).Unix(),
	})
	sum := sha256.Sum256([]byte(token))
	return token + "." + base64.RawURLEncoding.EncodeToString(sum[:])
}

// check returns what is wrong with an ID token, "" for nothing.
func (p OIDCProvider) check(token string, now time.Time) string {
	var parts [][]byte
	for text := range strings.SplitSeq(token, ".") {
		part, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(part) == 0 {
			return "The ID token is not a JWT"
		}
		parts = append(parts, part)
	}
	if len(parts) != 3 {
		return "The ID token is not a JWT"
	}
	header, noHeader := parseObject(parts[0])
	claims, noClaims := parseObject(parts[1])
	if alg, _ := header["alg"].(string); noHeader != nil || noClaims != nil || alg == "" || alg == "none" {
		return "The ID token is not a JWT"
	}
	audiences, several := claims["aud"].([]any)
	if !several {
		audiences = []any{claims["aud"]}
	}
	expires, _ := claims["exp"].(json.Number)
	seconds, err := expires.Float64()
	switch {
	case !slices.Contains(audiences, any(p.Audience)):
		return "The ID token has another audience"
	case err != nil || float64(now.UnixMilli()) >= seconds*1000:
		return "The ID token has expired"
	}
	return ""
}
