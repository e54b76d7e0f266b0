package credentials

import "context"

// Token is a user token that was obtained elsewhere: the X-Subject-Token header of the
// answer to an IAM token call, 1 to 5000 characters. It is valid for 24 hours, and cannot
// be renewed here.
type Token string

func (t Token) issue(context.Context, *Credentials) (issued, error) {
	return issued{token: string(t)}, nil
}
func (t Token) secrets() []string { return []string{string(t)} }
func (Token) mode() Mode          { return ModeToken }

// AccessKey signs every request with an access key pair (AK/SK), which Huawei recommends
// over tokens.
type AccessKey struct {
	AccessKey, SecretKey string
	// SecurityToken belongs to a temporary key pair; empty otherwise.
	SecurityToken string
	// DomainID is the account's ID, sent as X-Domain-Id if not empty.
	DomainID string
}

func (k AccessKey) issue(context.Context, *Credentials) (issued, error) {
	return issued{key: k}, nil
}
func (k AccessKey) secrets() []string { return []string{k.SecretKey, k.SecurityToken} }
func (AccessKey) mode() Mode          { return ModeAccessKey }
