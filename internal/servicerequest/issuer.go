package servicerequest

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/seed-9e648b51/terraform-provider-servicerequest/internal/credentials"
)

// callIssuer makes a call for the credentials of the client: with its transport, and its
// rules for calls that may be repeated.
func (c *Client) callIssuer(ctx context.Context, r credentials.Request, into any) (credentials.Answer, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return credentials.Answer{}, err
		}
	}
	o, err := c.doIdempotent(ctx, request{
		method: r.Method, base: r.Base, path: r.Path, query: r.Query, header: r.Header, body: body,
		issuer: true, auth: r.By, local: r.Local, timeout: r.Timeout, statuses: r.Statuses,
	}, into)
	a := credentials.Answer{Status: o.status, Header: o.header, Body: o.body, Received: o.received}
	if e := (*APIError)(nil); errors.As(err, &e) && refuses(e.Status) {
		err = &credentials.RefusedError{Err: err}
	}
	return a, err
}
