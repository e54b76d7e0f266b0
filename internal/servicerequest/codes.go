package servicerequest

import (
	"cmp"
	"net/http"
	"time"
)

// Error codes that the API reference documents for HTTP 200. The codes that come
// with an error status (OSM.0001 to OSM.0004, APIGW.…) add nothing to the status.
var (
	// rejectingCodes are refusals: what was asked for was not done, and why.
	rejectingCodes = map[string]Cause{
		"OSM.01010001": CauseParameters, "OSM.01010002": CauseNotPermitted, "OSM.01010005": CauseDailySize,
		"OSM.01010011": CauseNoCustomer, "OSM.01010015": CauseNoCase,
	}
	// operationFailed are internal errors. They do not say what was done before.
	operationFailed = map[string]bool{"OSM.01010014": true, "OSM.01010017": true}
)

// statusClientClosedRequest is a status of nginx: the client, or a proxy in front
// of it, closed the connection before there was an answer.
const statusClientClosedRequest = 499

var (
	// unknownStatus are the statuses of class 4 that do not say whether the backend
	// had the request: a proxy's timeout, "too early", or a client that left.
	unknownStatus = map[int]bool{http.StatusRequestTimeout: true, http.StatusTooEarly: true, statusClientClosedRequest: true}
	// rejectingStatus are the statuses that the service, or the gateway in front of
	// it, documents for a request that it refuses, and a wrong path or method.
	rejectingStatus = map[int]bool{
		http.StatusBadRequest: true, http.StatusForbidden: true, http.StatusNotFound: true, http.StatusMethodNotAllowed: true,
		http.StatusRequestEntityTooLarge: true,
	}
)

// refuses reports whether a status says that another attempt would be refused, too.
func refuses(status int) bool {
	return status/100 != 2 && status < http.StatusInternalServerError && !unknownStatus[status] && status != http.StatusTooManyRequests
}

// Cause is why the service did not do what was asked, as far as its answer says.
type Cause int

// The causes. The error code decides, and without a known one the HTTP status.
const (
	CauseOther           Cause = iota // neither a code nor a status that is listed here
	CauseParameters                   // a parameter was refused
	CauseNotPermitted                 // the user may not do this to this ticket, or the ticket is closed
	CauseDailySize                    // the attachments of the day are too large
	CauseNoCustomer                   // the token identifies no customer
	CauseNoCase                       // there is no such ticket
	CauseBadRequest                   // HTTP 400
	CauseUnauthenticated              // HTTP 401: the credentials were refused
	CauseForbidden                    // HTTP 403
	CauseNotFound                     // HTTP 404: there is no such API
	CauseTooLarge                     // HTTP 413: the request is larger than 12 MB
	CauseThrottled                    // HTTP 429
	// CauseClockSkew: HTTP 401 or 403 for a signed request, and the local clock differs
	// from the service's by more than a signature's date may.
	CauseClockSkew
	// CauseRedirect: HTTP 3xx. Redirects are not followed, and the service gives none.
	CauseRedirect
)

var causeByStatus = map[int]Cause{
	http.StatusBadRequest: CauseBadRequest, http.StatusUnauthorized: CauseUnauthenticated, http.StatusForbidden: CauseForbidden,
	http.StatusNotFound: CauseNotFound, http.StatusRequestEntityTooLarge: CauseTooLarge, http.StatusTooManyRequests: CauseThrottled,
}

// Cause returns what the code and the status of the answer mean.
func (e *APIError) Cause() Cause {
	switch {
	case e.Status/100 == 3: // the code is not the service's
		return CauseRedirect
	case e.isSkewed():
		return CauseClockSkew
	}
	return cmp.Or(rejectingCodes[e.Code], causeByStatus[e.Status])
}

// maxSkew is by how much the date of a signature may be off.
const maxSkew = 15 * time.Minute

// isSkewed reports whether the two clocks explain why a signature was refused.
func (e *APIError) isSkewed() bool {
	return e.Signed && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) &&
		!e.ServiceTime.IsZero() && e.LocalTime.Sub(e.ServiceTime).Abs() > maxSkew-time.Minute
}
