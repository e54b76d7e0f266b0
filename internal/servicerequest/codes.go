package servicerequest

import (
	"net/http"
	"time"
)

// Error codes that the API reference documents for HTTP 200. The codes that come
// with an error status (OSM.0001 to OSM.0004, APIGW.…) add nothing to the status.
const (
	codeParameters    = "OSM.01010001"
	codeNotPermitted  = "OSM.01010002"
	codeDailySize     = "OSM.01010005"
	codeNoCustomer    = "OSM.01010011"
	codeFailed        = "OSM.01010014"
	codeNoCase        = "OSM.01010015"
	codeFailedAnother = "OSM.01010017"
)

var (
	// rejectingCodes are refusals: what was asked for was not done.
	rejectingCodes = map[string]bool{
		codeParameters: true, codeNotPermitted: true, codeDailySize: true, codeNoCustomer: true, codeNoCase: true,
	}
	// operationFailed are internal errors. They do not say what was done before.
	operationFailed = map[string]bool{codeFailed: true, codeFailedAnother: true}
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

// Cause is why the service did not do what was asked, as far as its answer says.
type Cause int

// The causes. The error code decides, and without a known one the HTTP status.
const (
	// CauseOther: the answer has neither a code nor a status that is listed here.
	CauseOther Cause = iota
	// CauseParameters: OSM.01010001, a parameter was refused.
	CauseParameters
	// CauseNotPermitted: OSM.01010002, the user may not do this to this ticket, or the
	// ticket is closed.
	CauseNotPermitted
	// CauseDailySize: OSM.01010005, the attachments of the day are too large.
	CauseDailySize
	// CauseNoCustomer: OSM.01010011, the token identifies no customer.
	CauseNoCustomer
	// CauseNoCase: OSM.01010015, there is no such ticket.
	CauseNoCase
	// CauseFailed: an internal error, OSM.01010014, OSM.01010017 or HTTP 5xx.
	CauseFailed
	// CauseBadRequest: HTTP 400.
	CauseBadRequest
	// CauseUnauthenticated: HTTP 401, the credentials were refused.
	CauseUnauthenticated
	// CauseClockSkew: HTTP 401 or 403 for a signed request, and the local clock differs
	// from the service's by more than a signature's date may.
	CauseClockSkew
	// CauseForbidden: HTTP 403.
	CauseForbidden
	// CauseNotFound: HTTP 404, there is no such API.
	CauseNotFound
	// CauseTooLarge: HTTP 413, the request is larger than 12 MB.
	CauseTooLarge
	// CauseThrottled: HTTP 429.
	CauseThrottled
	// CauseRedirect: HTTP 3xx. Redirects are not followed, and the service gives none.
	CauseRedirect
)

var (
	causeByCode = map[string]Cause{
		codeParameters: CauseParameters, codeNotPermitted: CauseNotPermitted, codeDailySize: CauseDailySize,
		codeNoCustomer: CauseNoCustomer, codeNoCase: CauseNoCase, codeFailed: CauseFailed, codeFailedAnother: CauseFailed,
	}
	causeByStatus = map[int]Cause{
		http.StatusBadRequest: CauseBadRequest, http.StatusUnauthorized: CauseUnauthenticated, http.StatusForbidden: CauseForbidden,
		http.StatusNotFound: CauseNotFound, http.StatusRequestEntityTooLarge: CauseTooLarge, http.StatusTooManyRequests: CauseThrottled,
	}
)

// Cause returns what the code and the status of the answer mean.
func (e *APIError) Cause() Cause {
	switch code, known := causeByCode[e.Code]; {
	case e.Status/100 == 3: // the code is not the service's
		return CauseRedirect
	case e.isSkewed():
		return CauseClockSkew
	case known:
		return code
	}
	if e.Status >= http.StatusInternalServerError {
		return CauseFailed
	}
	return causeByStatus[e.Status]
}

// maxSkew is by how much the date of a signature may be off.
const maxSkew = 15 * time.Minute

// isSkewed reports whether the two clocks explain why a signature was refused.
func (e *APIError) isSkewed() bool {
	return e.Signed && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) &&
		!e.ServiceTime.IsZero() && e.LocalTime.Sub(e.ServiceTime).Abs() > maxSkew-time.Minute
}
