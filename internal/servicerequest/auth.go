package servicerequest

import (
	"context"
	"net/http"
)

// Credentials identify the caller to the service. They are a [Token], an
// [AccessKey] or a [Password].
type Credentials interface {
	authenticator(*Client) authenticator
}

// authenticator authenticates requests with one kind of credentials.
type authenticator interface {
	// authenticate adds the credentials to a request, anew for every attempt. If it
	// fails, nothing was sent.
	authenticate(ctx context.Context, req *http.Request, body []byte) error
	// renew is called when the service answered 401 to req. It reports whether
	// another attempt would send other credentials.
	renew(req *http.Request) bool
	// secrets are the values to remove from every text.
	secrets() []string
	// mode names the credentials for the user.
	mode() Mode
}

// Mode names an authentication method.
type Mode string

// The modes, named as the user knows them.
const (
	ModeToken     Mode = "token"
	ModeAccessKey Mode = "access key"
	ModePassword  Mode = "user name and password"
)

// Token is a user token that was obtained elsewhere: the X-Subject-Token
// header of the answer to an IAM token call, 1 to 5000 characters. It is valid
// for 24 hours, and cannot be renewed here.
type Token string

func (t Token) authenticator(*Client) authenticator { return t }

func (t Token) authenticate(_ context.Context, req *http.Request, _ []byte) error {
	req.Header.Set("X-Auth-Token", string(t))
	return nil
}

func (Token) renew(*http.Request) bool { return false }
func (t Token) secrets() []string      { return []string{string(t)} }
func (Token) mode() Mode               { return ModeToken }
