package servicerequest

import (
	"context"
	"errors"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
)

// callIssuer makes a call for the credentials of the client: with its transport, and its
// rules for calls that may be repeated.
func (c *Client) callIssuer(ctx context.Context, r credentials.Request, into any) (credentials.Answer, error) {
	o, err := c.doIdempotent(ctx, request{Request: r}, into)
	if e := (*APIError)(nil); errors.As(err, &e) && refuses(e.Status) {
		err = &credentials.RefusedError{Err: err}
	}
	return credentials.Answer{Status: o.status, Header: o.header, Body: o.body, Received: o.received}, err
}
