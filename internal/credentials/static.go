package credentials

import "context"

// Token is a user token that was obtained elsewhere: the X-Subject-Token header of the
// answer to an IAM token call, 1 to 5000 characters. It is valid for 24 hours, and cannot
// be renewed here.
type Token string

func (Token) mode() Mode { return ModeToken }

func (t Token) issue(_ context.Context, c *Credentials) (issued, error) {
	c.keep(string(t))
	return issued{token: string(t)}, nil
}

// AccessKey signs every request with an access key pair (AK/SK), which Huawei recommends
// over tokens.
type AccessKey struct {
	AccessKey string `json:"accessKeyId"` // the names are those of KooCLI's file
	SecretKey string `json:"secretAccessKey"`
	// SecurityToken belongs to a temporary key pair; empty otherwise.
	SecurityToken string `json:"securityToken"`
	// DomainID is the account's ID, sent as X-Domain-Id if not empty.
	DomainID string `json:"domainId"`
}

func (AccessKey) mode() Mode { return ModeAccessKey }

func (k AccessKey) issue(_ context.Context, c *Credentials) (issued, error) {
	c.keep(k.SecretKey, k.SecurityToken)
	return issued{key: k}, nil
}
