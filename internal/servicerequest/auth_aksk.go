package servicerequest

import (
	"context"
	"net/http"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/signing"
)

// AccessKey signs every request with an access key pair (AK/SK), which Huawei
// recommends over tokens.
type AccessKey struct {
	AccessKey, SecretKey string
	// SecurityToken belongs to a temporary key pair; empty otherwise.
	SecurityToken string
	// DomainID is the account's ID, sent as X-Domain-Id if not empty.
	DomainID string
}

func (k AccessKey) authenticator(c *Client) authenticator { return &signer{k, c.clock} }

type signer struct {
	key   AccessKey
	clock Clock
}

func (s *signer) authenticate(_ context.Context, req *http.Request, body []byte) error {
	if s.key.SecurityToken != "" {
		req.Header.Set("X-Security-Token", s.key.SecurityToken)
	}
	if s.key.DomainID != "" {
		req.Header.Set("X-Domain-Id", s.key.DomainID)
	}
	signing.Sign(req, body, signing.Key{AccessKey: s.key.AccessKey, SecretKey: s.key.SecretKey}, s.clock.Now())
	return nil
}

// renew returns false: a key pair cannot be renewed.
func (*signer) renew(*http.Request) bool { return false }

func (s *signer) secrets() []string { return []string{s.key.SecretKey, s.key.SecurityToken} }
func (*signer) mode() Mode          { return ModeAccessKey }
