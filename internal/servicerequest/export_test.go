package servicerequest

import "net/http"

// SetTransport makes the client talk to something else than a network, for the tests
// that need the delivery.
func (c *Client) SetTransport(t http.RoundTripper) { c.transport = t }
