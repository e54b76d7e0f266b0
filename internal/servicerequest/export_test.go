package servicerequest

import "net/http"

// NewTestClock is a clock that does not wait, for the tests that see only what is
// exported.
func NewTestClock() Clock { return newFakeClock() }

// SetMaxTicket makes the limit on the size of a list smaller.
func (c *Client) SetMaxTicket(bytes int) { c.maxTicket = bytes }

// SetTransport makes the client talk to something else than a network.
func (c *Client) SetTransport(t http.RoundTripper) { c.transport = t }
